/*
 * audit_event.c: what a store has forgotten when it came back empty, or as it had been earlier. It
 * knows no blob. Runs in the timeglas command.
 */
#include <string.h>
#include "cli/audit_event.h"

struct audit_event_loss audit_event_loss(const struct audit_event *e)
{
	bool all = chain_is_own(e->record, CHAIN_STORE_LOST);
	struct audit_event_loss l = {.all = all, .epoch = all ? e->lost : e->epoch};

	memset(l.from, 0xff, sizeof l.from);
	chain_more_positions(e->record, l.from);
	return l;
}

bool audit_event_forgotten(const struct audit_event_loss *l, unsigned epoch, unsigned shard,
	const struct chain_pos *pos)
{
	if (l->all)
		return l->epoch == 0 || epoch == 0 || epoch == l->epoch;
	return epoch == l->epoch && shard < CHAIN_SHARDS && chain_pos_cmp(pos, &l->from[shard]) > 0;
}
