/*
 * pace.h: how many calls the reaper may have under way, and how much each may end. Beside a store
 * that is near two large calls keep it busy, and others wait for no more than those. A distant
 * store has to be asked for all shards at once, or each deadline waits for the round trips of those
 * before it; then each call is small, so that all together still are a burst of milliseconds. Pure.
 */
#ifndef REAPER_PACE_H
#define REAPER_PACE_H

#include <stdbool.h>
#include <stdint.h>

struct pace {
	unsigned calls, entries; /* under way */
	/* beside a distant store; less while its answers are slower than the way there */
	unsigned calls_max;
	/* the shortest round trip of this while, and of the one before; 0: none yet */
	uint64_t least_us[2];
	uint64_t while_us; /* since when */
};

/** pace_init(p): connected anew: nothing is under way, and the distance is not known. */
void pace_init(struct pace *p);
/** pace_may(p): may one more call be sent? */
bool pace_may(const struct pace *p);
/** pace_entries(p, overdue): how many index entries it may end, of a shard in which so many were
 * overdue when it was asked last. */
unsigned pace_entries(const struct pace *p, unsigned overdue);
void pace_asked(struct pace *p, unsigned entries);
/** pace_answered(p, entries, took_us, now_us): took_us 0: there was no answer. */
void pace_answered(struct pace *p, unsigned entries, uint64_t took_us, uint64_t now_us);
/** pace_early_us(p): so much before a deadline that the store has told of is the call to be sent,
 * not to be there late; 0 beside a near one. */
uint64_t pace_early_us(const struct pace *p);

#endif
