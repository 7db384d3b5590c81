/*
 * store_read.h: reading a blob's bytes, chunk by chunk: a take, which is the at-most-once read, or
 * a claimant's read, which leaves the bytes where they are.
 */
#ifndef STORE_STORE_READ_H
#define STORE_STORE_READ_H

#include <event2/buffer.h>
#include "store/types.h"

struct store_read;

/* None is called before the call returns that leads to it, and none after store_read_abort(). */
struct store_read_calls {
	/**
	 * Called once, first.
	 *
	 * @err   0: the peer reads the blob; its bytes follow. TG_EGONE, TG_ECLAIMED: blob says how
	 *        it ended, or who has it. TG_ENOENT: it is not there, or not for this peer.
	 *        TG_ECOMPARE, TG_ESTORE, TG_EINTERNAL. After an error the read is freed
	 * @blob  borrowed until return; with TG_ENOENT and TG_EFROZEN only its `refused` is set;
	 *        NULL with the other errors
	 */
	void (*on_begin)(struct store_read *t, int err, const struct store_blob *blob, void *ctx);
	/**
	 * Called for each chunk.
	 *
	 * @data  the chunk; the callee takes all bytes out of it
	 * @done  it was the last one
	 * @err   0; or the read has broken off: TG_EGONE (its bytes are not there any more),
	 *        TG_ESTORE, TG_EINTERNAL. After done or an error the read is freed
	 */
	void (*on_data)(struct store_read *t, struct evbuffer *data, bool done, int err, void *ctx);
};

/**
 * Takes a blob: ends it for everybody else, and reads it. The first chunk follows on_begin by
 * itself; each further one comes on store_read_next().
 *
 * @id     borrowed until return
 * @peer   a name, borrowed until return; the blob's addressees settle who may take
 * @calls  copied
 * @err    TG_ENOENT (id is no id), TG_ESTORE or TG_ENOMEM when NULL is returned
 *
 * Returns the read, which lives until the callback that frees it returns, or store_read_abort().
 */
struct store_read *store_read_take(struct store *s, const char *id, const char *peer,
	const struct store_read_calls *calls, void *ctx, int *err);
/** Begins a claimant's read. claim: the claim's token, borrowed until return. Nothing is read
 * before the first store_read_next(). All else as store_read_take(). */
struct store_read *store_read_claimed(struct store *s, const char *claim, const char *peer,
	const struct store_read_calls *calls, void *ctx, int *err);
/**
 * Restricts a claimant's read to a part of the blob. To be called in on_begin, if at all.
 *
 * @from  of the first byte, counted from 0
 * @len   > 0; from + len is at most the blob's size
 */
void store_read_range(struct store_read *t, uint64_t from, uint64_t len);
/** Asks for the next chunk. Does nothing while one is under way. */
void store_read_next(struct store_read *t);
/** Ends the read, and frees it. What is left of a blob that was being taken is erased now, with
 * cause "consumed". May be called in a callback. NULL is fine. */
void store_read_abort(struct store_read *t);

#endif
