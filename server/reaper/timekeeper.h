/*
 * timekeeper.h: what the store's time must be by now at least, by a clock that nobody sets
 * (clock_mono_us()). So that a store whose own clock was stepped back still ends things in time.
 * Pure but for the scoreboard, where a successor finds what was remembered.
 */
#ifndef REAPER_TIMEKEEPER_H
#define REAPER_TIMEKEEPER_H

#include <stdbool.h>
#include <stdint.h>

struct timekeeper {
	bool known;
	int64_t offset_ms; /* store's time minus ours, at most */
	uint64_t at_us;    /* when that was */
};

/** timekeeper_init(t, now_us): with what the scoreboard says. */
void timekeeper_init(struct timekeeper *t, uint64_t now_us);
/** timekeeper_saw(t, now_us, store_ms): an answer that came at now_us said store_ms. Returns by how
 * many ms the store is ahead of what was expected. */
int64_t timekeeper_saw(struct timekeeper *t, uint64_t now_us, int64_t store_ms);
/** timekeeper_least_ms(t, now_us): the store's time now is that or later; 0: unknown. */
int64_t timekeeper_least_ms(const struct timekeeper *t, uint64_t now_us);

#endif
