/*
 * lines.h: a function's answer, read line by line (docs/store.md: Functions). A line that is not
 * there reads as 0 or "", and a record that is not whole is TG_EINTERNAL. Pure.
 */
#ifndef STORE_LINES_H
#define STORE_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <hiredis/hiredis.h>
#include "store/types.h"

/* Points into the answer, and is valid as long as that. */
struct lines {
	const char *at, *end; /* at NULL: there are no more */
};

/** Returns the lines behind the first one, which error_of() reads. r: borrowed; none for NULL or
 * an answer that is no text. */
struct lines lines_of(const redisReply *r);
/** Returns whether there is another line. */
bool lines_more(const struct lines *l);
/** Passes a line, and returns its number. */
int64_t lines_num(struct lines *l);
/** Passes a line, and copies it to out, cut to cap - 1 bytes. Returns out. */
char *lines_text(struct lines *l, char *out, size_t cap);
/**
 * Passes a line that is a blob's record.
 *
 * @b         filled in, also where it fails; of a tombstone, what is left of it
 * @n_chunks  set to the number of chunks; may be NULL
 *
 * Returns 0 or TG_EINTERNAL.
 */
int lines_blob(struct lines *l, struct store_blob *b, unsigned *n_chunks);
/** Appends the blobs that all further lines tell of to *list, of *n, which grows and which the
 * caller frees. Returns 0, TG_ENOMEM or TG_EINTERNAL. */
int lines_blobs(struct lines *l, struct store_blob **list, size_t *n);
/** Passes a line that is a session's record. Returns 0 or TG_EINTERNAL. */
int lines_session(struct lines *l, struct store_session *s);
/** Passes a line of tg2_reap about a blob that it ended: the cause, cut to cap - 1 bytes, and how
 * many µs after its deadline that was. */
void lines_reaped(struct lines *l, char *cause, size_t cap, int64_t *late_us);

#endif
