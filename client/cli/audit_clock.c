/* audit_clock.c: compares the time of an event with those of its outbox, and with its id, which has
 * Redis's own clock. Runs in the timeglas command. */
#include <inttypes.h>
#include <string.h>
#include "cli/audit_clock.h"

/* Events that the store's functions date themselves. */
static bool is_dated(const struct chain_record *r)
{
	static const char *const names[] = {"gone", "taking", "claimed", "session-open",
		"session-end", "aborted", "subject-erased", "subject-frozen", "subject-released",
		CHAIN_REFUSED};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (chain_is(r->event, names[i]))
			return true;
	return false;
}

/* Redis appends an event after it was dated, by the clock that dates it; and the store's time runs
 * ahead of that clock when somebody has set it back, never behind. */
static void check_id(struct findings *f, const struct audit_event *e, int64_t back_ms)
{
	if (e->pos.ms <= INT64_MAX && (int64_t)e->pos.ms - e->record->time_ms > back_ms)
		findings_add(f, "time", e->at,
			"this event is dated %" PRId64
			" ms before the store appended it, as its id %.*s says",
			(int64_t)e->pos.ms - e->record->time_ms, (int)e->record->id.n,
			e->record->id.p);
}

void audit_clock_event(struct audit_clock *c, struct findings *f, const struct audit_event *e)
{
	const struct chain_record *r = e->record;
	bool stored = chain_is(r->event, "stored");
	int64_t back_ms = stored ? AUDIT_CLOCK_STORED_BACK_MS : AUDIT_CLOCK_BACK_MS;

	if (e->epoch != c->epoch || chain_is_own(r, CHAIN_STORE_LOST) ||
		chain_is_own(r, CHAIN_STORE_REVERTED)) {
		memset(c->latest_ms, 0, sizeof c->latest_ms);
		c->epoch = e->epoch;
	}
	if (e->shard >= CHAIN_SHARDS || !(stored || is_dated(r)))
		return;
	if (c->latest_ms[e->shard] - r->time_ms > back_ms)
		findings_add(f, "time", e->at,
			"time runs back by %" PRId64
			" ms: what happened before this event, in the same part of the store, is "
			"dated later, on line %" PRIu64,
			c->latest_ms[e->shard] - r->time_ms, c->line[e->shard]);
	else
		check_id(f, e, back_ms);
	if (r->time_ms > c->latest_ms[e->shard]) {
		c->latest_ms[e->shard] = r->time_ms;
		c->line[e->shard] = e->at->line;
	}
}
