/*
 * audit_chains.h: reads all evidence that is given: one chain, or those of several recorders in the
 * order in which they wrote. It checks lines (audit_chain.h) and how the chains continue each
 * other, and gives each event once. docs/evidence.md.
 */
#ifndef CLI_AUDIT_CHAINS_H
#define CLI_AUDIT_CHAINS_H

#include "cli/audit_event.h"
#include "cli/audit_reader.h"
#include "cli/audit_files.h"
#include "cli/audit_duplicates.h"

/* What a taken-over record says of the chain that it continues. */
struct audit_quote {
	uint8_t key[CHAIN_KEY], hash[CHAIN_HASH];
	bool has_key, has_head;
	uint64_t n; /* of the line with that hash */
};

/* The chain that one recorder wrote. */
struct audit_recorder {
	const struct audit_file *file; /* n_files, in their order */
	size_t n_files;
	const struct audit_file *first; /* of them that is not empty */
	struct audit_chain chain;
	const char *key_from; /* who said which key must have signed: audit_keys_choose() */
	char beside[4096];    /* memory for it */
	unsigned epoch; /* of the store that its next event is about, as in struct audit_event */

	/* audit_chains.c's own */
	struct audit_chains *all;
	struct audit_reader *reader;
	const char **path;
	bool begun;
	const struct audit_recorder *continues; /* the chain that its first taken-over quotes */
	bool waits;                             /* the next line is a taken-over record, */
	struct audit_quote quote;               /* which says this */
	int64_t next_ms;                        /* time of the part that is read next */
	/* events of this epoch up to these positions may also stand in a chain that is not given */
	struct chain_pos doubt[CHAIN_SHARDS];
	unsigned doubt_epoch;
};

struct audit_calls {
	/* Given each line that can be believed. Returns 0 or an exit status, which ends the
	 * reading. */
	int (*line)(void *ctx, const struct audit_chain *c, const struct chain_line *l,
		const struct finding_place *at);
	/* Given each event once. Returns the same. */
	int (*event)(void *ctx, const struct audit_event *e);
	/* NULL, or called before anything is read of the only chain that is given. It may answer by
	 * what is known already, and call audit_chains_resume(). Returns the same. */
	int (*begin)(void *ctx, struct audit_recorder *t);
	/* Told that something is missing which was recorded before at_ms: a whole chain, or the
	 * beginning of one. */
	void (*gap)(void *ctx, int64_t at_ms);
};

struct audit_chains { /* zeroed before first use; audit_chains_free() after the last */
	struct audit_recorder *recorder;
	size_t n;
	struct findings findings;
	struct audit_duplicates duplicates;
	uint64_t doubtful; /* events that may also stand in a chain that is not given */
	uint64_t gaps;     /* calls of gap() */

	/* audit_chains.c's own */
	struct sha256 *sha;
	struct audit_file *file;
	struct audit_bytes bytes;
	const struct audit_calls *calls;
	void *ctx;
	char (*epoch)[CHAIN_EPOCH + 1];
	size_t n_epochs;
};

/**
 * Reads and checks all files, chain by chain.
 *
 * @files  n paths, in any order; the texts must live until audit_chains_free()
 * @calls  borrowed until return, called with ctx
 *
 * Returns 0, or an exit status after having said what is wrong.
 */
int audit_chains_run(struct audit_chains *a, struct cli *cli, const char *const *files, size_t n,
	const struct audit_calls *calls, void *ctx);

/* Where to go on, behind a checkpoint's line. */
struct audit_resume {
	struct audit_chain_state chain;
	char epoch[CHAIN_EPOCH + 1]; /* of that checkpoint */
	size_t file;                 /* which of the recorder's */
	uint64_t bytes, line;        /* of it that are known */
	uint64_t first_n;            /* of the first line that is known, */
	int64_t first_ms, last_ms;   /* the earliest and latest time of those */
	uint64_t taken_over;         /* records of that name among them */
};

/** Goes on from there, as if all before it had been read without a finding. For begin() alone. */
void audit_chains_resume(struct audit_recorder *t, const struct audit_resume *from);

/** Frees what a holds, but not a. */
void audit_chains_free(struct audit_chains *a);

struct audit_sums {
	uint64_t lines, records, checks, unsigned_lines;
	uint64_t first_n, last_n;  /* the smallest and the largest number of a line */
	int64_t first_ms, last_ms; /* the earliest and latest time of any line */
	/* the last line of the chain with the most lines; NULL: there is no line at all */
	const struct finding_place *last;
};
/** Returns the sums over all chains. */
struct audit_sums audit_chains_sums(const struct audit_chains *a);

#endif
