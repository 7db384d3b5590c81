/*
 * pace.h: how many calls the reaper may have under way, and how many index entries each may end.
 * Pure.
 *
 * Two large calls keep a store busy that is near, and others who use it wait for no more than those
 * two. A distant store is asked for all shards at once: otherwise a deadline would wait for the
 * round trips of those before it. Each of these calls is small, so that all together still are a
 * burst of milliseconds for Redis.
 */
#ifndef REAPER_PACE_H
#define REAPER_PACE_H

#include <stdbool.h>
#include <stdint.h>

struct pace {
	unsigned calls, entries; /* under way; entries: that these calls may end */
	/* the most calls under way beside a distant store; fewer while it answers more slowly than
	 * its distance explains */
	unsigned calls_max;
	/* the shortest round trip in this period, and in the one before; 0: none yet */
	uint64_t least_us[2];
	uint64_t period_us; /* when this period began */
};

/** Begins on a new connection: nothing is under way, and the distance is not known. */
void pace_init(struct pace *p);
/** Returns whether one more call may be sent. */
bool pace_may(const struct pace *p);
/** Returns how many index entries that call may end. overdue: how many were due in its shard when
 * that was asked last. */
unsigned pace_entries(const struct pace *p, unsigned overdue);
/** A call was sent that may end so many entries. */
void pace_asked(struct pace *p, unsigned entries);
/** That call was answered at now_us, took_us after it was sent; took_us 0: the connection broke. */
void pace_answered(struct pace *p, unsigned entries, uint64_t took_us, uint64_t now_us);
/** Returns how much earlier the call is to be sent than the reaper knows the deadline to have come,
 * so that it reaches a distant store shortly after the deadline; 0 beside a store that is near. */
uint64_t pace_early_us(const struct pace *p);

#endif
