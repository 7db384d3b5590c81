/* pace.c: see pace.h. It sends nothing and reads no clock. */
#include "reaper/pace.h"

#define NEAR_US 2000u /* a store with a shorter round trip is near */
#define NEAR_CALLS 2u /* the one that Redis works on, and the next */
#define BATCH 64u     /* index entries of a call: one to two ms of Redis's time */
#define FAR_CALLS 64u /* one for each shard */
/* Index entries of all calls under way to a distant store: some ten ms of Redis's time, if all of
 * them arrive at once. */
#define FAR_ENTRIES 512u
#define FAR_FIRST 8u /* entries of a call for a shard of which nothing is known to be overdue */
/* An answer that takes so much longer than the round trip has waited for our other calls. */
#define BUSY_US 20000u
#define PERIOD_US 5000000u /* so often the distance is measured anew */
/* A call that arrives before the deadline ends nothing. So it is sent later than the round trip
 * says: by this, */
#define LATE_US 1000u
/* and by that share of the round trip, for round trips differ. */
#define LATE_SHARE 16u

void pace_init(struct pace *p)
{
	*p = (struct pace){.calls_max = FAR_CALLS};
}

static uint64_t distance_us(const struct pace *p)
{
	if (p->least_us[0] == 0 || (p->least_us[1] != 0 && p->least_us[1] < p->least_us[0]))
		return p->least_us[1];
	return p->least_us[0];
}

static bool is_far(const struct pace *p)
{
	return distance_us(p) >= NEAR_US;
}

bool pace_may(const struct pace *p)
{
	if (!is_far(p))
		return p->calls < NEAR_CALLS;
	return p->calls < p->calls_max &&
		(p->calls < NEAR_CALLS || p->entries + FAR_FIRST <= FAR_ENTRIES);
}

unsigned pace_entries(const struct pace *p, unsigned overdue)
{
	if (!is_far(p) || overdue >= BATCH)
		return BATCH;
	return overdue > FAR_FIRST ? overdue : FAR_FIRST;
}

void pace_asked(struct pace *p, unsigned entries)
{
	p->calls++;
	p->entries += entries;
}

void pace_answered(struct pace *p, unsigned entries, uint64_t took_us, uint64_t now_us)
{
	if (p->calls > 0)
		p->calls--;
	p->entries -= entries < p->entries ? entries : p->entries;
	if (took_us == 0)
		return;
	if (now_us - p->period_us >= PERIOD_US) {
		p->period_us = now_us;
		p->least_us[1] = p->least_us[0];
		p->least_us[0] = 0;
	}
	if (p->least_us[0] == 0 || took_us < p->least_us[0])
		p->least_us[0] = took_us;
	if (is_far(p) && took_us > distance_us(p) + BUSY_US)
		p->calls_max = p->calls_max / 2 > NEAR_CALLS ? p->calls_max / 2 : NEAR_CALLS;
	else if (p->calls_max < FAR_CALLS)
		p->calls_max++;
}

uint64_t pace_early_us(const struct pace *p)
{
	const uint64_t us = distance_us(p), late_us = us / LATE_SHARE + LATE_US;

	return is_far(p) ? us - late_us : 0;
}
