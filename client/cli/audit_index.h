/*
 * audit_index.h: the segments (audit_segment.h) of the evidence files of one chain, from its
 * beginning as far as they go. They stand for a full check that this user's own program made; what
 * is read by them is compared with what was read then.
 */
#ifndef CLI_AUDIT_INDEX_H
#define CLI_AUDIT_INDEX_H

#include "cli/audit_chains.h"
#include "cli/audit_segment.h"

struct audit_index { /* zeroed before first use; audit_index_free() after the last */
	struct audit_segment *seg;
	const struct audit_file **of; /* the evidence file of each */
	size_t n, cap;
	struct audit_resume behind; /* n > 0: where they end */
	char *buf;                  /* of audit_index_run() */
	size_t buf_cap;
	int fd; /* of the evidence file that was read last; NULL: none */
	const struct audit_file *fd_of;
};

/**
 * Finds the segments of a chain. Those are not used that were signed with a key that is not among
 * the chain's, or behind a gap.
 *
 * @whole  leave out a last segment that is small and could be made anew with what follows
 *
 * Returns false without memory.
 */
bool audit_index_find(struct audit_index *x, struct audit_recorder *t, bool whole);

/** Returns how many lines it covers. */
uint64_t audit_index_lines(const struct audit_index *x);

/** Returns when the oldest of its segments was made. */
int64_t audit_index_made_ms(const struct audit_index *x);

/** Given each line of a run: what it says, and where it stands. Returns 0 or an exit status. */
typedef int audit_index_line(void *ctx, const struct chain_line *l, const struct finding_place *at);

/* What audit_index_run() returns when the evidence is not what was indexed. */
#define AUDIT_INDEX_CHANGED (-1)

/** Reads a run of a segment, checks that it is what was indexed, and gives its lines; line may be
 * NULL. Returns 0, AUDIT_INDEX_CHANGED, an exit status after having said what failed, or what
 * line() returned. */
int audit_index_run(
	struct audit_index *x, size_t segment, uint32_t run, audit_index_line *line, void *ctx);

/** Frees what x holds. */
void audit_index_free(struct audit_index *x);

#endif
