/*
 * store_read.h: reading a blob's bytes, chunk by chunk: a take, which is the at-most-once read, or
 * a claimant's read, which leaves the bytes where they are.
 */
#ifndef STORE_STORE_READ_H
#define STORE_STORE_READ_H

#include <event2/buffer.h>
#include "store/types.h"

struct store_read;

struct store_read_calls {
	/* err 0: the blob is ours; its bytes follow. TG_EGONE, TG_ECLAIMED: blob tells of it.
	 * TG_ENOENT: not there, or not addressed to the peer. After an error the read is freed. */
	void (*on_begin)(struct store_read *t, int err, const struct store_blob *blob, void *ctx);
	/* A chunk: all bytes in data are the callee's. done: it was the last. err: broken off
	 * (TG_ESTORE, TG_EGONE). After done or err the read is freed. */
	void (*on_data)(struct store_read *t, struct evbuffer *data, bool done, int err, void *ctx);
};

/**
 * Takes a blob. The first chunk follows on_begin by itself; further ones come on store_read_next().
 *
 * @peer   a name; who may take is settled by the blob's addressees
 * @calls  copied; none comes before return
 * @err    TG_ENOENT (the id is none), TG_ESTORE or TG_ENOMEM when NULL is returned
 */
struct store_read *store_read_take(struct store *s, const char *id, const char *peer,
	const struct store_read_calls *calls, void *ctx, int *err);
/** store_read_claimed(s, claim, peer, calls, ctx, err): a claimant's read. Nothing is read before
 * store_read_next(). Otherwise as store_read_take(). */
struct store_read *store_read_claimed(struct store *s, const char *claim, const char *peer,
	const struct store_read_calls *calls, void *ctx, int *err);
/** store_read_range(t, from, len): of a claimant's read, in on_begin: only these bytes, which are
 * within the blob's size. len > 0. */
void store_read_range(struct store_read *t, uint64_t from, uint64_t len);
/** store_read_next(t): asks for the next chunk; one at a time. */
void store_read_next(struct store_read *t);
/** store_read_abort(t): no callbacks any more. Of a take: erases the rest now, with cause
 * "consumed". NULL is fine. */
void store_read_abort(struct store_read *t);

#endif
