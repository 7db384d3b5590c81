/*
 * audit_clock.h: does time run forward in the evidence? The order of lines says little, because a
 * round of the recorder reads the outboxes one after the other. But within one outbox events stand
 * in the order in which they happened, by a clock that never goes back. docs/evidence.md, Checking.
 */
#ifndef CLI_AUDIT_CLOCK_H
#define CLI_AUDIT_CLOCK_H

#include "cli/audit_event.h"

/* Another machine's clock rules for up to a second after a failover, until a reaper has told the
 * library what the time must be at least. */
#define AUDIT_CLOCK_BACK_MS 5000
/* A blob of one chunk is stored under the time at which its server sent it, and a store that stands
 * still carries that out later. */
#define AUDIT_CLOCK_STORED_BACK_MS 60000

struct audit_clock {                     /* zeroed before first use */
	int64_t latest_ms[CHAIN_SHARDS]; /* the latest time of each outbox */
	uint64_t line[CHAIN_SHARDS];     /* on which it stands */
	unsigned epoch;                  /* of the store that these are about */
};

/** Looks at the next event, and adds a finding when its time runs back. */
void audit_clock_event(struct audit_clock *c, struct findings *f, const struct audit_event *e);

#endif
