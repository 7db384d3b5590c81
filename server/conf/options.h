/*
 * options.h: every setting of the sections [server], [store] and [limits]: name, type, bounds and
 * default stand in one table, in options.c.
 */
#ifndef CONF_OPTIONS_H
#define CONF_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include "conf/conf.h"

/* Room for "what is wrong; what to do" about one setting. */
#define OPTIONS_WHY 384
/* Room for "section.key", the NUL included. */
#define OPTIONS_SETTING_CHARS 96

/** Returns whether there is such a section, that of retention included. false: why holds a
 * suggestion, which may be the section of a peer. */
bool options_has_section(const char *section, char *why, size_t cap);
/**
 * Sets one setting, of [retention], too.
 *
 * @dir  the folder from which relative paths count; NULL: they are left as they are
 *
 * Returns 0; or TG_EINVAL or TG_ENOMEM, with "what is wrong; what to do" in why.
 */
int options_set(struct conf *c, const char *section, const char *key, const char *value,
	const char *dir, char *why, size_t cap);
/** Returns dir/path; or a copy of path, when it is absolute or dir is NULL. To be freed; NULL
 * without memory. */
char *options_join(const char *dir, const char *path);
/** Sets every default in a zeroed c. Returns 0 or TG_ENOMEM. */
int options_set_defaults(struct conf *c);
/** Frees the texts of c, which it then must not use any more. */
void options_free_texts(struct conf *c);
/** Sets the texts of c to NULL, without freeing them: they are another's. */
void options_drop_texts(struct conf *c);
/**
 * Sets in fresh what only a restart can change to what it is in running.
 *
 * @changed  receives the names of those that differed, with commas; "" for none
 *
 * Returns 0 or TG_ENOMEM; then fresh is good for conf_free() only.
 */
int options_keep_fixed(struct conf *fresh, const struct conf *running, char *changed, size_t cap);

#endif
