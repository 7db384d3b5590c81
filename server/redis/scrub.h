/*
 * scrub.h: decides when to overwrite the buffers that Redis keeps for a connection which has
 * carried blob bytes; rconn.c then sends a long PING. It does no I/O: times come from the caller.
 *
 * Redis copies an answer that fits into a buffer of 16 KiB, which each client has for as long as it
 * is connected, and parses commands in another. The echo of a PING longer than the first overwrites
 * both. That costs next to nothing while the connection is quiet, so it is sent then; on a busy
 * connection one is sent every second.
 */
#ifndef REDIS_SCRUB_H
#define REDIS_SCRUB_H

#include <stdbool.h>
#include <stdint.h>

/* more than Redis's reply buffer, less than what it would adopt as a value */
#define SCRUB_BYTES 32000u
#define SCRUB_TICK_MS 100u /* how often scrub_due() is to be asked while scrub_dirty() */

struct scrub { /* zeroed when a connection starts */
	/* when blob bytes passed last; 0: none since the last PING on a quiet connection */
	uint64_t bulk_us;
	uint64_t sent_us; /* the last PING */
};

/** scrub_bulk(s, now_us): blob bytes have been given to the connection, or have come from it. */
void scrub_bulk(struct scrub *s, uint64_t now_us);
/** scrub_dirty(s): blob bytes have passed since: ask scrub_due() again in SCRUB_TICK_MS. */
bool scrub_dirty(const struct scrub *s);
/**
 * Says whether to send a PING now.
 *
 * @waiting  answers are still to come. If none are, and no blob bytes passed for SCRUB_TICK_MS, a
 *           last PING is due. Otherwise one is due every second, though Redis may queue its answer
 *           behind others, and then it does not overwrite the buffer
 */
bool scrub_due(struct scrub *s, uint64_t now_us, bool waiting);

#endif
