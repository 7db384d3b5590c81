/*
 * audit_all.h: all evidence that is given: one chain, or those of several servers in the order in
 * which they recorded. Checks lines (audit_chain.h) and how the chains hang together, and hands on
 * each event once. What the events say is somebody else's (audit_life.h). docs/evidence.md.
 */
#ifndef CLI_AUDIT_ALL_H
#define CLI_AUDIT_ALL_H

#include "cli/audit_event.h"
#include "cli/audit_read.h"
#include "cli/audit_set.h"
#include "cli/audit_twin.h"

struct audit_quote { /* what a taken-over record says of the chain before */
	uint8_t key[CHAIN_KEY], hash[CHAIN_HASH];
	bool has_key, has_head;
	uint64_t n; /* of the line with that hash */
};

struct audit_track { /* one chain */
	const struct audit_file *file;
	size_t n_files;
	const struct audit_file *first; /* of them, behind any that are empty and so tell nothing */
	struct audit_chain chain;
	const char *key_from; /* audit_keys() */
	char beside[4096];
	unsigned epoch; /* of the store that its next event is about */

	/* audit_all.c's own */
	struct audit_all *all;
	struct audit_reader *reader;
	const char **path;
	bool begun;
	bool waits; /* before a taken-over record: */
	struct audit_quote quote;
	int64_t next_ms; /* when what is read next began */
	/* up to there, events may stand in a chain that is not given */
	struct chain_pos doubt[CHAIN_SHARDS];
	unsigned doubt_epoch;
};

struct audit_calls {
	/* Each line that is to be believed. Returns 0 or an exit status. */
	int (*line)(void *ctx, const struct audit_chain *c, const struct chain_line *l,
		const struct audit_at *at);
	/* Each event once. */
	int (*event)(void *ctx, const struct audit_event *e);
	/* Something is not given that belongs here: a chain that told of the store until now, or
	 * the beginning of one. */
	void (*gap)(void *ctx, int64_t at_ms);
};

struct audit_all { /* zeroed before first use; audit_all_free() after the last */
	struct audit_track *track;
	size_t n;
	struct findings findings;
	struct twins twins;
	uint64_t doubtful; /* events that may stand in a chain that is not given, too */
	uint64_t gaps;

	/* its own */
	struct audit_file *file;
	struct audit_bytes bytes;
	const struct audit_calls *calls;
	void *ctx;
	char (*epoch)[CHAIN_EPOCH + 1];
	size_t n_epochs;
};

/** audit_all_run(a, cli, files, n, calls, ctx): reads everything. Returns 0, or an exit status
 * (said). */
int audit_all_run(struct audit_all *a, struct cli *cli, const char *const *files, size_t n,
	const struct audit_calls *calls, void *ctx);
void audit_all_free(struct audit_all *a);

struct audit_sums {
	uint64_t lines, records, checks, unsigned_lines;
	uint64_t first_n, last_n;  /* the smallest and the largest number of a line */
	int64_t first_ms, last_ms; /* the earliest and latest time of any line */
	/* the last line of the chain with the most lines; NULL: there is no line at all */
	const struct audit_at *last;
};
/** audit_all_sums(a): over all chains. */
struct audit_sums audit_all_sums(const struct audit_all *a);

#endif
