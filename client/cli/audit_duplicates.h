/*
 * audit_duplicates.h: finds events that stand in two chains, because a recorder died after it had
 * written them and before it could say so. They are found by their id among the last events of each
 * outbox, and must be equal byte by byte. Constant memory. docs/evidence.md.
 */
#ifndef CLI_AUDIT_DUPLICATES_H
#define CLI_AUDIT_DUPLICATES_H

#include "cli/audit_event.h"

#define AUDIT_DUPLICATES_LISTED 1000 /* listed one by one; all are counted */

struct audit_duplicate {
	char event[CHAIN_ID_MAX + 1];
	char file[256], also[256];
	uint64_t line, also_line; /* of the two files */
};

struct audit_duplicates { /* zeroed before first use */
	struct audit_duplicate *list;
	size_t n; /* in the list */
	uint64_t total;
	struct audit_duplicates_ring *ring; /* of each shard */
};

/**
 * Looks for an event among those of the other chains, and remembers it.
 *
 * @f      gets a finding when two chains tell the event differently
 * @e      an event with an id
 * @line   the line that it stands on, of n bytes
 * @chain  a number for its chain
 *
 * Returns false when the event was met in another chain, so that it does not count again.
 */
bool audit_duplicates_check(struct audit_duplicates *t, struct findings *f,
	const struct audit_event *e, const char *line, size_t n, size_t chain);

/** Forgets the ids that a store which went back gives once more. e: the store-reverted record. */
void audit_duplicates_revert(struct audit_duplicates *t, const struct audit_event *e);

/** Frees what t holds, but not t. */
void audit_duplicates_free(struct audit_duplicates *t);

#endif
