/*
 * scrubber.h: overwrites, by a long PING, the buffers that Redis keeps for a connection which has
 * carried blob bytes. scrub.h decides when; this has the timer. Its owner (rconn.c) sends.
 */
#ifndef REDIS_SCRUBBER_H
#define REDIS_SCRUBBER_H

#include <stdbool.h>
#include <stddef.h>
#include "net/loop.h"

struct scrubber;

struct scrubber_calls {
	/* Sends PING with these bytes, which are static. Returns 0, or an error: it is tried again.
	 */
	int (*ping)(void *ctx, const char *bytes, size_t n);
	/* Returns whether answers are still to come on the connection. */
	bool (*waiting)(void *ctx);
};

/**
 * @calls  borrowed until scrubber_free()
 * @ctx    of the calls, which come from the loop, or not at all
 *
 * Returns NULL without memory.
 */
struct scrubber *scrubber_new(struct loop *l, const struct scrubber_calls *calls, void *ctx);
/** NULL is fine. */
void scrubber_free(struct scrubber *s);
/** Blob bytes have been given to the connection, or have come from it. */
void scrubber_bulk(struct scrubber *s);
/** The connection is gone, and Redis's buffers with it: nothing is to be overwritten. */
void scrubber_reset(struct scrubber *s);

#endif
