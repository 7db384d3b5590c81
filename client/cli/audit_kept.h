/* audit_kept.h: compares a proof that somebody kept (audit_proof.h) with the log: its line must
 * stand in its place, and the tree must have been what its checkpoint says. So nothing up to that
 * checkpoint was rewritten, not even with the recorder's key. docs/evidence.md. */
#ifndef CLI_AUDIT_KEPT_H
#define CLI_AUDIT_KEPT_H

#include "cli/audit_chain.h"
#include "cli/audit_proof.h"

struct audit_kept { /* zeroed before first use */
	struct audit_proof *proof;
	bool witness; /* it is a checkpoint that the witness proof->path gave when asked */
	bool line_met, root_met;

	/* audit_kept.c's own */
	uint8_t line_hash[CHAIN_HASH];
	struct audit_kept_place {
		char file[256];
		uint64_t line;    /* 0: none */
	} line_other, root_other; /* where a chain says otherwise */
};

/** Takes a proof, which it then owns. */
void audit_kept_init(struct audit_kept *k, struct audit_proof *proof);

/** Frees the proof. */
void audit_kept_free(struct audit_kept *k);

/** Compares the line that a chain has just taken with the proof. */
void audit_kept_line(struct audit_kept *k, const struct audit_chain *c, const struct chain_line *l,
	const struct finding_place *at);

/**
 * Adds findings: for a proof that is not good, and for what no chain has as the proof says.
 *
 * @first_n, last_n  the smallest and the largest number of a line that was read
 * @last             the last line; NULL: there was none
 */
void audit_kept_end(const struct audit_kept *k, struct findings *f, uint64_t first_n,
	uint64_t last_n, const struct finding_place *last);

#endif
