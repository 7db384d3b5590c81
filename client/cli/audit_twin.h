/*
 * audit_twin.h: events that stand in two chains, because a recorder died between writing them and
 * saying so: found by their id among the last ones of each outbox, and compared byte by byte.
 * Constant memory. docs/evidence.md.
 */
#ifndef CLI_AUDIT_TWIN_H
#define CLI_AUDIT_TWIN_H

#include "cli/audit_event.h"

#define TWINS_TOLD 1000 /* one by one; all are counted */

struct twin {
	char event[CHAIN_ID_MAX + 1];
	char file[256], also[256];
	uint64_t line, also_line;
};

struct twins { /* zeroed before first use */
	struct twin *list;
	size_t n; /* in the list */
	uint64_t total;
	struct twin_ring *ring; /* of each shard */
};

/** twins_meet(t, f, e, line, n, chain): an event with an id, on that line of that chain. false: it
 * was met in another chain, and does not count again. */
bool twins_meet(struct twins *t, struct findings *f, const struct audit_event *e, const char *line,
	size_t n, size_t chain);
/** twins_revert(t, e): a store-reverted record: the ids that come again after it are others. */
void twins_revert(struct twins *t, const struct audit_event *e);
void twins_free(struct twins *t);

#endif
