/*
 * timekeeper.c: see timekeeper.h. A time in an answer was right when the answer was sent, which is
 * before it came. So each answer gives a lower bound of the offset, and the largest bound is kept.
 * It sets no clock. docs/store.md.
 */
#include "base/scoreboard.h"
#include "reaper/timekeeper.h"

/* The clocks of two machines run at different speeds. So the offset that is kept is lowered by a
 * millisecond each second, which is far more than they differ. */
#define DECAY_US_PER_MS 1000000u

static int64_t offset_at(const struct timekeeper *t, uint64_t now_us)
{
	return t->offset_ms - (int64_t)((now_us - t->at_us) / DECAY_US_PER_MS);
}

void timekeeper_init(struct timekeeper *t, uint64_t now_us)
{
	t->known = scoreboard_clock(&t->offset_ms);
	t->at_us = now_us;
}

int64_t timekeeper_saw(struct timekeeper *t, uint64_t now_us, int64_t store_ms)
{
	int64_t offset = store_ms - (int64_t)((now_us + 999) / 1000),
		ahead = t->known ? offset - offset_at(t, now_us) : 0;

	if (t->known && ahead < 0)
		return ahead;
	t->known = true;
	t->offset_ms = offset;
	t->at_us = now_us;
	scoreboard_set_clock(offset);
	return ahead;
}

int64_t timekeeper_least_ms(const struct timekeeper *t, uint64_t now_us)
{
	return t->known ? (int64_t)(now_us / 1000) + offset_at(t, now_us) : 0;
}
