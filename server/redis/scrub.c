/*
 * scrub.c: the timing of scrub.h. It sends nothing. Runs in every process that has a store.
 */
#include "redis/scrub.h"

#define QUIET_US (SCRUB_TICK_MS * UINT64_C(1000))
#define EVERY_US UINT64_C(1000000)

void scrub_bulk(struct scrub *s, uint64_t now_us)
{
	if (s->bulk_us == 0)
		s->sent_us = now_us; /* a busy connection is due a second after its first bulk */
	s->bulk_us = now_us;
}

bool scrub_dirty(const struct scrub *s)
{
	return s->bulk_us != 0;
}

bool scrub_due(struct scrub *s, uint64_t now_us, bool waiting)
{
	if (s->bulk_us == 0)
		return false;
	if (!waiting && now_us - s->bulk_us >= QUIET_US) {
		s->bulk_us = 0;
		return true;
	}
	if (now_us - s->sent_us < EVERY_US)
		return false;
	s->sent_us = now_us;
	return true;
}
