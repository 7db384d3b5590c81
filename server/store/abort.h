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

void abort_init(struct store *s);
void abort_free_all(struct store *s);
/**
 * Sends tg2_abort once.
 *
 * @n         chunks of the attempt
 * @later_ms  what the attempt has sent may still arrive for so long
 * @unknown   its commit was sent, and nobody was told of the answer
 *
 * Returns 0, or TG_ESTORE and cb is never called.
 */
int abort_send(struct store *s, const char *attempt, unsigned n, int64_t later_ms, bool unknown,
	rconn_cb *cb, void *ctx) __attribute__((nonnull(6)));
/** abort_until_done(s, attempt, n, later_ms, unknown): the same, again and again until Redis says
 * that it was done: an upload that nobody was told of must not live, and a chunk without an index
 * entry is not the reaper's to find. */
void abort_until_done(
	struct store *s, const char *attempt, unsigned n, int64_t later_ms, bool unknown);
/** abort_resend(s, most): sends so many of those that wait: after a connect, or now and then. */
void abort_resend(struct store *s, unsigned most);

#endif
