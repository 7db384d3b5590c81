/*
 * store.h: one process's connection to its store, a Redis with the Function library in it. What is
 * done with it is in a module for each actor:
 *
 *   store_put.h, store_name.h     an upload; what stands under a name that its uploader chose
 *   store_read.h                  taking a blob, and a claimant's read
 *   store_blob.h                  looking at a blob, and erasing it
 *   store_claim.h                 claim and ack
 *   store_session.h               sessions
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

struct store_calls {
	void (*on_up)(struct store *s, void *ctx); /* connected, library loaded */
	void (*on_down)(struct store *s, void *ctx);
	/* connected, but Redis refuses the library: asked again each second */
	void (*on_refused)(struct store *s, const char *why, void *ctx);
	void (*on_low)(struct store *s, void *ctx); /* room in the write queue again */
};

/**
 * Starts connecting, and connects again whenever the connection breaks.
 *
 * @url    as rconn_new() takes it
 * @calls  each may be NULL; borrowed until store_free(); NULL: none
 * @err    of cap bytes: what is wrong
 *
 * Returns NULL with err filled in.
 */
struct store *store_new(struct loop *l, const char *url, const struct store_calls *calls, void *ctx,
	char *err, size_t cap);
/** store_free(s): callbacks that are due are not called. NULL is fine. */
void store_free(struct store *s);
/** store_up(s): connected, and the library is loaded. */
bool store_up(const struct store *s);
/** store_busy(s): the write queue is above its watermark: pause sources until on_low. */
bool store_busy(const struct store *s);
/** store_now_ms(s): the store's time, Unix ms, by its last answer and this machine's clock since.
 */
int64_t store_now_ms(const struct store *s);
/** store_forget(s, ctx): no callback with this ctx will be called any more. What was sent still
 * happens, and what a call has to do with its answer is done. */
void store_forget(struct store *s, const void *ctx);

#endif
