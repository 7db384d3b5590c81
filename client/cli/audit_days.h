/* audit_days.h: how many blobs ended on each day (UTC), and how many of them late. */
#ifndef CLI_AUDIT_DAYS_H
#define CLI_AUDIT_DAYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AUDIT_DAYS 400 /* further days, or ones before the first, are counted in others */

struct audit_day {
	uint64_t ends, late; /* late: not in time */
};

struct audit_days {    /* zeroed before first use */
	int64_t first; /* days since 1970 */
	size_t n;
	struct audit_day day[AUDIT_DAYS];
	uint64_t others;
};

/** Counts an end. late: it was not in time. */
void audit_days_add(struct audit_days *d, int64_t time_ms, bool late);

#endif
