/*
 * audit_chain.h: checks that the lines of a chain are those that the recorder wrote: their numbers,
 * hashes and signatures. Each fault becomes a finding. What the records say of blobs is checked in
 * audit_blobs.h. docs/evidence.md.
 */
#ifndef CLI_AUDIT_CHAIN_H
#define CLI_AUDIT_CHAIN_H

#include "cli/audit_tree.h"
#include "lib/receipt.h"

#define AUDIT_KEYS_MAX 16
#define AUDIT_HEADS 64

struct audit_head { /* a good checkpoint */
	uint64_t n;
	uint8_t hash[CHAIN_HASH];
};

struct audit_chain { /* zeroed before first use, but for keys, findings, and in tree sha and edge */
	struct receipt_key key[AUDIT_KEYS_MAX]; /* keys that may have signed */
	size_t n_keys;                          /* 0: the first key that is met may */
	struct audit_tree tree;
	struct findings *findings;
	uint64_t lines, records, checks;
	uint64_t first_n, last_n;
	uint64_t unsigned_lines;              /* since the last good checkpoint */
	int64_t first_ms, last_ms;            /* the earliest and latest time of any line */
	struct audit_head heads[AUDIT_HEADS]; /* the last ones, as a ring */
	uint64_t n_heads;                     /* of the whole chain */
	uint8_t seen_key[CHAIN_KEY];          /* that signed the last one */
	bool goes_on;                         /* the last line says that another file follows */

	/* audit_chain.c's own */
	uint8_t last_hash[CHAIN_HASH]; /* of the line before */
	bool last_bad; /* the line before is a finding already, so a wrong link to it is none */
	struct finding *pair; /* two lines do not fit; the next line tells which was changed */
	struct finding_place pair_at;       /* the later one of them */
	struct finding_place before;        /* the line before */
	struct chain_pos pos[CHAIN_SHARDS]; /* last position of each outbox */
	const char *file;                   /* of the line before */
};

/* What is known behind a checkpoint's line, and needed to check the lines that follow. */
struct audit_chain_state {
	uint64_t last_n;
	uint8_t last_hash[CHAIN_HASH];
	struct chain_pos pos[CHAIN_SHARDS];
	struct tree_edge edge;
	bool tree_lost; /* edge is not known */
	char origin[CHAIN_ORIGIN_MAX + 1];
};

/** Tells the state; the last line was a checkpoint, and there are no findings. */
void audit_chain_save(const struct audit_chain *c, struct audit_chain_state *out);

/** Goes on from a state. at: the last line that is known, in the file that is read next, or at the
 * end of the one before. */
void audit_chain_resume(
	struct audit_chain *c, const struct audit_chain_state *s, const struct finding_place *at);

/** Returns whether a key that names this log ("" for none) may have signed. When no key was given,
 * the first one may. */
bool audit_chain_may_sign(
	struct audit_chain *c, const uint8_t key[CHAIN_KEY], struct chain_text origin);

/**
 * Checks the next line.
 *
 * @line  n bytes, without the LF
 * @at    where it stands
 * @out   out: what it says
 *
 * Returns true when the line can be believed; only then out is filled in.
 */
bool audit_chain_line(struct audit_chain *c, const char *line, size_t n,
	const struct finding_place *at, struct chain_line *out);

/** Returns the last good checkpoint, or NULL. */
const struct audit_head *audit_chain_head(const struct audit_chain *c);

/** Tells whether the checkpoint number n had this hash. Returns 1 (yes), 0 (no), or -1 (it is too
 * long ago to say). */
int audit_chain_signed(const struct audit_chain *c, uint64_t n, const uint8_t hash[CHAIN_HASH]);

/** Returns true when the last lines are not signed, but so young that their checkpoint may still
 * come. */
bool audit_chain_growing(const struct audit_chain *c);

/** Ends the chain: adds findings about its last lines. */
void audit_chain_end(struct audit_chain *c);

#endif
