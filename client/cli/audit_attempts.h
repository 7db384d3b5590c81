/* audit_attempts.h: reads that were refused, by peer and reason. */
#ifndef CLI_AUDIT_ATTEMPTS_H
#define CLI_AUDIT_ATTEMPTS_H

#include "cli/audit_event.h"

#define AUDIT_ATTEMPTS_ROWS 128 /* pairs of peer and reason; further ones are "(others)" */
#define AUDIT_ATTEMPTS_NAME 64  /* bytes of a name, its NUL included; a longer one is cut */

struct audit_attempts { /* zeroed before first use */
	struct audit_attempts_row {
		char by[AUDIT_ATTEMPTS_NAME], reason[AUDIT_ATTEMPTS_NAME];
		uint64_t count;
		int64_t first_ms, last_ms;
		struct finding_place last; /* the last record of them */
	} row[AUDIT_ATTEMPTS_ROWS];
	size_t n;
	uint64_t total;
};

/** Counts a refused record; passes others over. */
void audit_attempts_event(
	struct audit_attempts *a, struct findings *f, const struct audit_event *e);

/** Returns whether an earlier row has the same peer as this one. */
bool audit_attempts_seen_before(const struct audit_attempts *a, size_t row);

/** Returns how many peers were refused, of those that have a row. */
size_t audit_attempts_peers(const struct audit_attempts *a);

/** Returns what a reason means, "" for one that this program does not know. */
const char *audit_attempts_meaning(const char *reason);

#endif
