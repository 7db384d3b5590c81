/*
 * abort.h: ending uploads that came to nothing, and those whose commit was on its way when the
 * connection broke.
 */
#ifndef STORE_ABORT_H
#define STORE_ABORT_H

#include <stdbool.h>
#include <stdint.h>
#include "redis/rconn.h"

#define ABORT_MAX 4096u /* aborts that Redis has not confirmed */

struct store;

/** Makes the store's list of aborts, which is empty. */
void abort_init(struct store *s);
/** Frees all aborts that are not confirmed. What they were for is left to the reaper. */
void abort_free_all(struct store *s);
/**
 * Sends tg2_abort once.
 *
 * @attempt   what stands in Redis is under this
 * @n         how many chunks were sent
 * @later_ms  what was sent may still arrive for so long; 0: nothing will
 * @unknown   its commit was sent, and nobody was told of the answer, so it may be live
 * @cb        told of the answer
 *
 * Returns 0; or TG_ESTORE, and then cb is never called.
 */
int abort_send(struct store *s, const char *attempt, unsigned n, int64_t later_ms, bool unknown,
	rconn_cb *cb, void *ctx) __attribute__((nonnull(6)));
/**
 * Sends tg2_abort until Redis says that it was done, or has refused it 60 times. Where ABORT_MAX of
 * them wait (half as many, when not unknown), it is sent once. Arguments as above; each repeat has
 * a later_ms of STORE_STALLED_MS.
 */
void abort_until_done(
	struct store *s, const char *attempt, unsigned n, int64_t later_ms, bool unknown);
/** Sends up to `most` of the aborts that wait to be sent again. */
void abort_resend(struct store *s, unsigned most);

#endif
