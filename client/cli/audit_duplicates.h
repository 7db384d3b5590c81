/*
 * audit_duplicates.h: events that stand in two chains, because a recorder died between writing them
 * and saying so: found by their id among the last ones of each outbox, and compared byte by byte.
 * Constant memory. docs/evidence.md.
 */
#ifndef CLI_AUDIT_DUPLICATES_H
#define CLI_AUDIT_DUPLICATES_H

#include "cli/audit_event.h"

#define AUDIT_DUPLICATES_LISTED 1000 /* one by one; all are counted */

struct audit_duplicate {
	char event[CHAIN_ID_MAX + 1];
	char file[256], also[256];
	uint64_t line, also_line;
};

struct audit_duplicates { /* zeroed before first use */
	struct audit_duplicate *list;
	size_t n; /* in the list */
	uint64_t total;
	struct audit_duplicates_ring *ring; /* of each shard */
};

/** audit_duplicates_check(t, f, e, line, n, chain): an event with an id, on that line of that
 * chain. false: it was met in another chain, and does not count again. */
bool audit_duplicates_check(struct audit_duplicates *t, struct findings *f,
	const struct audit_event *e, const char *line, size_t n, size_t chain);
/** audit_duplicates_revert(t, e): a store-reverted record: the ids that come again after it are
 * others. */
void audit_duplicates_revert(struct audit_duplicates *t, const struct audit_event *e);
void audit_duplicates_free(struct audit_duplicates *t);

#endif
