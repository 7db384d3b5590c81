/*
 * audit_chain.h: is this the file that the recorder wrote? Numbers, hashes and signatures of lines,
 * one after the other; each thing that is wrong becomes a finding with its line. What the records
 * say is somebody else's (audit_blobs.h). docs/evidence.md.
 */
#ifndef CLI_AUDIT_CHAIN_H
#define CLI_AUDIT_CHAIN_H

#include "cli/findings.h"
#include "core/chain.h"

#define AUDIT_KEYS_MAX 16
#define AUDIT_HEADS 64

struct audit_head { /* a good checkpoint */
	uint64_t n;
	uint8_t hash[CHAIN_HASH];
};

struct audit_chain { /* zeroed before first use, but for keys and findings */
	uint8_t key[AUDIT_KEYS_MAX][CHAIN_KEY]; /* that may have signed */
	size_t n_keys;                          /* 0: the first one that is met */
	struct findings *findings;
	uint64_t lines, records, checks;
	uint64_t first_n, last_n;
	uint64_t unsigned_lines;   /* since the last good checkpoint */
	int64_t first_ms, last_ms; /* the earliest and latest time of any line */
	/* the last ones, as a ring; the very last: audit_chain_head() */
	struct audit_head heads[AUDIT_HEADS];
	uint64_t n_heads;            /* of all */
	uint8_t seen_key[CHAIN_KEY]; /* that signed the last one */

	/* its own */
	uint8_t last_hash[CHAIN_HASH];
	/* the line before was found wrong already: what does not fit it is no news */
	bool last_bad;
	/* "this line or the one before": the next line tells which */
	struct finding *pair;
	struct finding_place pair_at;
	struct finding_place before;
	struct chain_pos pos[CHAIN_SHARDS];
	const char *file;
};

/** audit_chain_line(c, line, n, at, out): returns true when the line is to be believed to say what
 * it says: out is filled in. */
bool audit_chain_line(struct audit_chain *c, const char *line, size_t n,
	const struct finding_place *at, struct chain_line *out);
/** audit_chain_head(c): the last good checkpoint; NULL: none. */
const struct audit_head *audit_chain_head(const struct audit_chain *c);
/** audit_chain_signed(c, n, hash): was the checkpoint with that number, which somebody quotes, met
 * with that hash? 1, 0 (no), -1: too long ago to say. */
int audit_chain_signed(const struct audit_chain *c, uint64_t n, const uint8_t hash[CHAIN_HASH]);
/** audit_chain_growing(c): the last lines are not signed and so young that their checkpoint may be
 * on its way. */
bool audit_chain_growing(const struct audit_chain *c);
/** audit_chain_end(c): after the last line. */
void audit_chain_end(struct audit_chain *c);

#endif
