/* options.h: every key of [server], [store], [limits] and [retention]: name, type, bounds, default,
 * in one table. */
#ifndef CONF_OPTIONS_H
#define CONF_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include "conf/conf.h"

#define OPTIONS_WHY 384

/** options_has_section(section): false: why holds a suggestion (the peers' section included). */
bool options_has_section(const char *section, char *why, size_t cap);
/**
 * options_set(c, section, key, value, dir, why, cap): set one key. dir: where relative paths count
 * from, NULL: left as they are. Returns 0, or TG_EINVAL with "what is wrong; what to do" in why.
 */
int options_set(struct conf *c, const char *section, const char *key, const char *value,
	const char *dir, char *why, size_t cap);
/** options_join(dir, path): dir/path, or a copy of path when it is absolute or dir NULL. NULL
 * without memory. */
char *options_join(const char *dir, const char *path);

#endif
