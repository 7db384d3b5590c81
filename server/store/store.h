/*
 * store.h: one process's connection to its store, a Redis with the Function library in it. What is
 * done with it is in a module for each actor:
 *
 *   store_put.h, store_name.h     an upload; what stands under a name that its uploader chose
 *   store_read.h                  a take, and a claimant's read
 *   store_blob.h                  looking at a blob, and erasing it
 *   store_claim.h                 claim and ack
 *   store_session.h               sessions
 *   store_subject.h               all that is of one subject
 *   store_idempotency.h           Idempotency-Keys of uploads
 *   store_reap.h                  ending what is due
 *   store_subscription.h          hearing what becomes due soon
 *   store_attest.h, attest.h      is the store volatile?
 *   outbox.h                      events, and the recorder's lease
 *   store_reconcile.h             ending again what a store that went back still has
 *
 * Every change of state is one call of the library, or one MULTI ... EXEC for an upload of one
 * chunk (put_single.c), which changes state, index, tombstone and outbox together. Blob bytes never
 * pass through Lua. It knows no HTTP.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "net/loop.h"

struct store;

/* Each may be NULL. */
struct store_calls {
	void (*on_up)(struct store *s, void *ctx);   /* connected; the library is loaded */
	void (*on_down)(struct store *s, void *ctx); /* the connection broke */
	/* Connected, but Redis refuses the library, or holds another version's: it is asked again
	 * each second. why: borrowed until return. */
	void (*on_refused)(struct store *s, const char *why, void *ctx);
	void (*on_low)(struct store *s, void *ctx); /* store_busy() is false again */
};

/**
 * Starts to connect, and connects again whenever the connection breaks.
 *
 * @url    as rconn_new() takes it; borrowed until return
 * @calls  borrowed until store_free(); none comes before return; NULL: none
 * @err    of cap bytes: what is wrong
 *
 * Returns NULL with err filled in.
 */
struct store *store_new(struct loop *l, const char *url, const struct store_calls *calls, void *ctx,
	char *err, size_t cap);
/** Closes the connection, and frees the store. Callbacks that are due are not called. NULL is fine.
 */
void store_free(struct store *s);
/** Returns whether it is connected, and the library is loaded. */
bool store_up(const struct store *s);
/** Returns whether more waits to be written than the watermark: sources pause until on_low. */
bool store_busy(const struct store *s);
/** Returns the store's time, Unix ms, by its last answer and this machine's clock since. */
int64_t store_now_ms(const struct store *s);
/** The owner of ctx leaves: no callback with this ctx is called any more. What was sent is carried
 * out, and what a call has to do with its answer is done. (A put and a read are aborted instead.)
 */
void store_forget(struct store *s, const void *ctx);

#endif
