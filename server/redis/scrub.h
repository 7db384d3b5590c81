/*
 * scrub.h: decides when to overwrite the buffers that Redis keeps for a connection which has
 * carried blob bytes; a long PING is sent then (scrubber.h). It does no I/O, and is told the time.
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

/* Longer than Redis's reply buffer, and shorter than an argument that Redis would not copy into
 * its own. */
#define SCRUB_BYTES 32000u
#define SCRUB_TICK_MS 100u /* scrub_due() is to be asked so often while scrub_dirty() */

struct scrub { /* zeroed when a connection starts */
	/* when blob bytes passed last; 0: none since the last PING on a quiet connection */
	uint64_t bulk_us;
	uint64_t sent_us; /* when the last PING was due, or the first bytes passed */
};

/** Blob bytes have been given to the connection, or have come from it. now_us: of a clock that is
 * never set, and not 0. */
void scrub_bulk(struct scrub *s, uint64_t now_us);
/** Returns whether blob bytes have passed since the last PING on a quiet connection. */
bool scrub_dirty(const struct scrub *s);
/**
 * Returns whether a PING is to be sent now; it counts as sent.
 *
 * @waiting  answers are still to come. If none are, and no blob bytes passed for SCRUB_TICK_MS, a
 *           last PING is due. Otherwise one is due every second; Redis may queue its answer behind
 *           others, and then it does not overwrite the buffer
 */
bool scrub_due(struct scrub *s, uint64_t now_us, bool waiting);

#endif
