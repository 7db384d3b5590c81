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
	bool known;
	int64_t offset_ms; /* store's time minus ours: at least that, as of at_us */
	uint64_t at_us;
};

/** Begins with what the scoreboard says. */
void timekeeper_init(struct timekeeper *t, uint64_t now_us);
/** Takes in that an answer, which came at now_us, said store_ms. Returns by how many ms the store's
 * time is ahead of what was expected; negative: behind it. */
int64_t timekeeper_saw(struct timekeeper *t, uint64_t now_us, int64_t store_ms);
/** Returns what the store's time must be by now at least (Unix ms); 0: not known. */
int64_t timekeeper_least_ms(const struct timekeeper *t, uint64_t now_us);

#endif
