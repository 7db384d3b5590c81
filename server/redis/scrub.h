/*
 * scrub.h: when a store connection that has carried bulk is to be flushed of what the store keeps
 * in that connection's own buffers. It decides; rconn.c sends. Pure: times come from the caller.
 *
 * Redis copies a reply that fits into a buffer of 16 KiB that each client has for as long as it is
 * connected, and parses commands in another. An echo longer than the first overwrites both; it
 * costs nothing to speak of where nothing else is going on, and once a second otherwise.
 */
#ifndef REDIS_SCRUB_H
#define REDIS_SCRUB_H

#include <stdbool.h>
#include <stdint.h>

/* more than Redis's reply buffer, less than what it would adopt as a value */
#define SCRUB_BYTES 32000u
#define SCRUB_TICK_MS 100u /* how often scrub_due() is to be asked while scrub_dirty() */

struct scrub { /* zeroed when a connection starts */
	/* the last bulk, sent or fetched; 0: none since the last scrub that found the connection
	 * quiet */
	uint64_t bulk_us;
	uint64_t sent_us;
};

/** scrub_bulk(s, now_us): blob bytes have been given to the connection, or have come from it. */
void scrub_bulk(struct scrub *s, uint64_t now_us);
/** scrub_dirty(s): must scrub_due() be asked again? */
bool scrub_dirty(const struct scrub *s);
/**
 * scrub_due(s, now_us, waiting): send one now? waiting: answers are still to come. With nothing to
 * wait for and no bulk for a tick it is the last one; otherwise one a second is tried, whose answer
 * may be queued behind others and miss the buffer.
 */
bool scrub_due(struct scrub *s, uint64_t now_us, bool waiting);

#endif
