/*
 * store_reconcile.h: what a store that went back still has, ending it again, and letting reads
 * begin. For the recorder, which knows what has ended.
 */
#ifndef STORE_STORE_RECONCILE_H
#define STORE_STORE_RECONCILE_H

#include <stddef.h>
#include "store/types.h"

#define STORE_CURSOR_MAX 20

/* What the index of a shard still holds. */
struct store_standing {
	char id[TOKEN_LEN + 1];
	char tag[33]; /* a blob's tag, or a session's h: what events call it */
	bool session; /* an open session; otherwise a blob that can be seen */
	bool live;    /* of a blob: nobody reads it yet */
};
/**
 * @cursor  for the next call; "0": that was all. Borrowed until return; NULL with an error
 * @list    n of them, borrowed until return
 */
typedef void store_reconcile_standing_cb(void *ctx, int err, unsigned shard, const char *cursor,
	const struct store_standing *list, size_t n);
/**
 * Lists what stands in a shard.
 *
 * @cursor  where to go on; "0": from the start. What stands there all the while is told at least
 *          once. Borrowed until return
 * @count   entries of the index, about
 */
int store_reconcile_standing(struct store *s, unsigned shard, const char *cursor, unsigned count,
	store_reconcile_standing_cb *cb, void *ctx);

/* Texts are borrowed until store_reconcile_end() returns. */
struct store_end_again {
	bool session;
	const char *id, *tag; /* as store_standing has them */
	const char *cause;    /* why it ended, by the evidence */
	const char *by;       /* of a blob: who read or erased it, or "" */
	const char *outcome;  /* of a blob: what its claimant said, or "" */
};
typedef void store_reconcile_cb(void *ctx, int err, unsigned shard);
/** Ends again what has ended before and stands in the store. cb: 0; TG_ENOENT: it does not stand
 * there, or is another one under the same id; TG_ESTORE, TG_EINTERNAL. */
int store_reconcile_end(struct store *s, unsigned shard, const struct store_end_again *e,
	store_reconcile_cb *cb, void *ctx);
/**
 * Remembers again what the evidence says of a subject. What the store knows of later calls stays.
 *
 * @hash             of the subject; borrowed until return
 * @erased_ms        when all of it was erased last, Unix ms; 0: not known
 * @frozen_until_ms  0: it is not frozen
 * @cb               0; TG_ESTORE, TG_EINTERNAL
 */
int store_reconcile_subject(struct store *s, const char *hash, int64_t erased_ms,
	int64_t frozen_until_ms, store_reconcile_cb *cb, void *ctx);
/** All that had ended has ended again, so reads may begin. life: of outbox_lease, borrowed until
 * return. cb: 0; TG_ECOMPARE: this is not the Redis that had that life; TG_ESTORE. */
int store_reconcile_done(struct store *s, const char *life, store_reconcile_cb *cb, void *ctx);

#endif
