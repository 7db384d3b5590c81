/* audit_lateness.h: how late blobs were erased after their deadlines. */
#ifndef CLI_AUDIT_LATENESS_H
#define CLI_AUDIT_LATENESS_H

#include <stdint.h>

struct audit_lateness { /* zeroed before first use */
	uint64_t n;
	int64_t worst_us;
	uint32_t *count; /* of each bucket; NULL before the first one */
};

/** Counts one erasure; without memory it is left out. us: at least 0. */
void audit_lateness_add(struct audit_lateness *l, int64_t us);

/** Returns the microseconds that a share q (0..1) did not exceed, at most 1/32 too many. */
int64_t audit_lateness_quantile_us(const struct audit_lateness *l, double q);

/** Returns how many were at most so late, with the same error. */
uint64_t audit_lateness_within(const struct audit_lateness *l, int64_t us);

/** Frees the counts. */
void audit_lateness_free(struct audit_lateness *l);

#endif
