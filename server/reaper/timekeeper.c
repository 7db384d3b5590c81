/*
 * timekeeper.c: remembers how far the store's clock and ours are apart (docs/store.md). An answer
 * was true when it was given, which is before it came: so what it says is a lower bound, and the
 * largest of them is the best. It sets no clock. The reaper process.
 */
#include "base/scoreboard.h"
#include "reaper/timekeeper.h"

/* Two machines' clocks do not run alike: each second the memory gives way by a millisecond, far
 * more than they differ. */
#define YIELD_US_PER_MS 1000000u

static int64_t offset_at(const struct timekeeper *t, uint64_t now_us)
{
	return t->offset_ms - (int64_t)((now_us - t->at_us) / YIELD_US_PER_MS);
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
