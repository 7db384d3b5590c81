/*
 * lines.h: a function's answer, read line by line (docs/store.md: Functions). What is not there
 * reads as 0 or "", and a record that is not whole as TG_EINTERNAL.
 */
#ifndef STORE_LINES_H
#define STORE_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <hiredis/hiredis.h>
#include "store/types.h"

struct lines {
	const char *at, *end; /* at NULL: no more */
};

/** lines_of(r): the lines behind the first one, which error_of() reads. Borrows r. */
struct lines lines_of(const redisReply *r);
bool lines_more(const struct lines *l);
int64_t lines_num(struct lines *l);
/** lines_text(l, out, cap): the next line, cut to cap - 1 bytes. Returns out. */
char *lines_text(struct lines *l, char *out, size_t cap);
/** lines_blob(l, b, n_chunks): a blob's record. n_chunks may be NULL. Returns 0 or TG_EINTERNAL. */
int lines_blob(struct lines *l, struct store_blob *b, unsigned *n_chunks);
/** lines_session(l, s): a session's. Returns 0 or TG_EINTERNAL. */
int lines_session(struct lines *l, struct store_session *s);
/** lines_reaped(l, cause, cap, late_us): a blob's end as tg2_reap tells it. */
void lines_reaped(struct lines *l, char *cause, size_t cap, int64_t *late_us);

#endif
