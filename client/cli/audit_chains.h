/*
 * audit_chains.h: all evidence that is given: one chain, or those of several servers in the order
 * in which they recorded. Checks lines (audit_chain.h) and how the chains hang together, and hands
 * on each event once. What the events say is somebody else's (audit_blobs.h). docs/evidence.md.
 */
#ifndef CLI_AUDIT_CHAINS_H
#define CLI_AUDIT_CHAINS_H

#include "cli/audit_event.h"
#include "cli/audit_reader.h"
#include "cli/audit_files.h"
#include "cli/audit_duplicates.h"

struct audit_quote { /* what a taken-over record says of the chain before */
	uint8_t key[CHAIN_KEY], hash[CHAIN_HASH];
	bool has_key, has_head;
	uint64_t n; /* of the line with that hash */
};

struct audit_recorder { /* one chain */
	const struct audit_file *file;
	size_t n_files;
	const struct audit_file *first; /* of them, behind any that are empty and so tell nothing */
	struct audit_chain chain;
	const char *key_from; /* audit_keys_choose() */
	char beside[4096];
	unsigned epoch; /* of the store that its next event is about */

	/* audit_chains.c's own */
	struct audit_chains *all;
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
		const struct finding_place *at);
	/* Each event once. */
	int (*event)(void *ctx, const struct audit_event *e);
	/* Something is not given that belongs here: a chain that told of the store until now, or
	 * the beginning of one. */
	void (*gap)(void *ctx, int64_t at_ms);
};

struct audit_chains { /* zeroed before first use; audit_chains_free() after the last */
	struct audit_recorder *recorder;
	size_t n;
	struct findings findings;
	struct audit_duplicates duplicates;
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

/** audit_chains_run(a, cli, files, n, calls, ctx): reads everything. Returns 0, or an exit status
 * (said). */
int audit_chains_run(struct audit_chains *a, struct cli *cli, const char *const *files, size_t n,
	const struct audit_calls *calls, void *ctx);
void audit_chains_free(struct audit_chains *a);

struct audit_sums {
	uint64_t lines, records, checks, unsigned_lines;
	uint64_t first_n, last_n;  /* the smallest and the largest number of a line */
	int64_t first_ms, last_ms; /* the earliest and latest time of any line */
	/* the last line of the chain with the most lines; NULL: there is no line at all */
	const struct finding_place *last;
};
/** audit_chains_sums(a): over all chains. */
struct audit_sums audit_chains_sums(const struct audit_chains *a);

#endif
