/*
 * timekeeper.h: remembers how far the store's clock and ours are apart, so that a store whose clock
 * was stepped back still ends things in time. Ours is clock_mono_us(), which nobody can set. The
 * value also goes to the scoreboard, where the next reaper finds it.
 */
#ifndef REAPER_TIMEKEEPER_H
#define REAPER_TIMEKEEPER_H

#include <stdbool.h>
#include <stdint.h>

struct timekeeper {
	bool known;        /* an offset is known */
	int64_t offset_ms; /* the store's time minus ours was at least that, at at_us */
	uint64_t at_us;
};

/** Begins with the offset on the scoreboard, if there is one. */
void timekeeper_init(struct timekeeper *t, uint64_t now_us);
/** Takes in the store's time store_ms (Unix) from an answer that came at now_us. Returns by how
 * many ms that is ahead of what was expected; negative: behind it. */
int64_t timekeeper_saw(struct timekeeper *t, uint64_t now_us, int64_t store_ms);
/** Returns what the store's time must be by now at least (Unix ms); 0: not known. */
int64_t timekeeper_least_ms(const struct timekeeper *t, uint64_t now_us);

#endif
