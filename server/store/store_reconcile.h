/*
 * store_reconcile.h: what a store that went back still has, ending it again, and letting reads
 * begin. For the recorder, which knows what has ended.
 */
#ifndef STORE_STORE_RECONCILE_H
#define STORE_STORE_RECONCILE_H

#include <stddef.h>
#include "store/types.h"

#define STORE_CURSOR_MAX 20

struct store_standing { /* what the index of a shard still holds */
	char id[TOKEN_LEN + 1];
	char tag[33]; /* of a session: its h */
	bool session; /* an open one; otherwise a blob that can be seen */
	bool live;    /* a blob: nobody reads it yet */
};
/* cursor: for the next call; "0": that was all. list: n of them, borrowed until return. */
typedef void store_reconcile_standing_cb(void *ctx, int err, unsigned shard, const char *cursor,
	const struct store_standing *list, size_t n);
/** store_reconcile_standing(s, shard, cursor, count, cb, ctx): about count entries of the index,
 * from cursor on; "0": from the start. What stands there all the while is told at least once. */
int store_reconcile_standing(struct store *s, unsigned shard, const char *cursor, unsigned count,
	store_reconcile_standing_cb *cb, void *ctx);

struct store_end_again {
	bool session;
	const char *id, *tag, *cause;
	const char *by, *outcome; /* of a blob */
};
typedef void store_reconcile_cb(void *ctx, int err, unsigned shard);
/** store_reconcile_end(s, shard, e, cb, ctx): it has ended before, and stands in the store again.
 * TG_ENOENT: it does not, or is another. */
int store_reconcile_end(struct store *s, unsigned shard, const struct store_end_again *e,
	store_reconcile_cb *cb, void *ctx);
/** store_reconcile_done(s, life, cb, ctx): all that had ended has ended again: reads may begin.
 * TG_ECOMPARE: the Redis is no longer the one that had this life. */
int store_reconcile_done(struct store *s, const char *life, store_reconcile_cb *cb, void *ctx);

#endif
