/* audit_build.h: makes segments of the index (audit_segment.h) out of lines that were checked. It
 * writes only what a good checkpoint covers, and nothing behind the first finding. */
#ifndef CLI_AUDIT_BUILD_H
#define CLI_AUDIT_BUILD_H

#include "cli/audit_chains.h"
#include "cli/audit_names.h"
#include "cli/audit_segment.h"

#define AUDIT_BUILD_LINES (1u << 20) /* a segment ends at the first checkpoint behind so many */

struct audit_build { /* zeroed before first use; audit_build_free() after the last */
	uint64_t lines, segments, bytes; /* that were written */

	/* audit_build.c's own: the segment that is being made */
	struct audit_segment seg;
	const char *file; /* which it is of; NULL: none is begun */
	uint64_t *entry;
	size_t n_entries, cap_entries, cap_runs;
	struct audit_names uploaders;
	uint64_t have, covered; /* lines in it, and those up to the last checkpoint */
	uint64_t behind_bytes;  /* end of the line before, in its file */
	bool stopped;           /* nothing more can be indexed */
};

/**
 * Takes the next line of a chain.
 *
 * @t   its recorder; behind_bytes must be where it goes on, if that is within a file
 *
 * Returns 0, or an exit status after having said what failed.
 */
int audit_build_line(struct audit_build *b, const struct audit_recorder *t,
	const struct chain_line *l, const struct finding_place *at);

/** Writes what is left, when all was read. Returns the same. */
int audit_build_end(struct audit_build *b, const struct audit_recorder *t);

/** Frees what b holds. */
void audit_build_free(struct audit_build *b);

#endif
