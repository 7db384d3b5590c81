/*
 * pace.h: how many calls the reaper may have under way, and how many index entries each may end.
 * Pure.
 *
 * Two large calls keep a near store busy, and other clients of it wait for those two at most. A
 * distant store is asked for all shards at once, as a deadline would otherwise wait for the round
 * trips of the calls before it. Each of these calls is small, so that all of them together take
 * Redis some milliseconds.
 */
#ifndef REAPER_PACE_H
#define REAPER_PACE_H

#include <stdbool.h>
#include <stdint.h>

struct pace {
	unsigned calls, entries; /* under way; entries: that these calls may end */
	/* the most calls under way to a distant store; it is lowered while answers take longer than
	 * the distance explains */
	unsigned calls_max;
	/* the shortest round trip in this period, and in the one before; 0: none yet */
	uint64_t least_us[2];
	uint64_t period_us; /* when this period began */
};

/** Begins, on a new connection, with nothing under way and an unknown distance. */
void pace_init(struct pace *p);
/** Returns whether one more call may be sent. */
bool pace_may(const struct pace *p);
/** Returns how many index entries that call may end. overdue: how many were due in its shard when
 * that was asked last. */
unsigned pace_entries(const struct pace *p, unsigned overdue);
/** Notes that a call was sent, which may end so many entries. */
void pace_asked(struct pace *p, unsigned entries);
/** Notes that such a call was answered at now_us, took_us after it was sent; took_us 0: the
 * connection broke. */
void pace_answered(struct pace *p, unsigned entries, uint64_t took_us, uint64_t now_us);
/** Returns how many microseconds before a deadline its call is to be sent, so that it reaches a
 * distant store shortly after the deadline; 0 for a near one. */
uint64_t pace_early_us(const struct pace *p);

#endif
