/* audit_compare.h: compares what a log signed at different times: proofs and checkpoints that
 * people kept, with each other and with the log's folder of tiles. Two that one log cannot both
 * have signed show that its key wrote two histories. docs/evidence.md. */
#ifndef CLI_AUDIT_COMPARE_H
#define CLI_AUDIT_COMPARE_H

#include "cli/audit_proof.h"
#include "cli/findings.h"

struct audit_compare {
	struct audit_proof *const *proof; /* n; only the good ones are compared */
	size_t n;
	const struct receipt_key *keys; /* as the proofs were checked with */
	size_t n_keys;
	struct sha256 *sha;
	struct findings *findings;
	uint64_t not_compared; /* out: pairs about which nothing could be said without tiles */
};

/** Compares each two of them, as far as they alone tell: at one size there is one root, and in one
 * place one line. */
void audit_compare_pairs(struct audit_compare *c);

/**
 * Compares each with the newest checkpoint in a log's folder of tiles: that it is a beginning of
 * it. The tiles need not be trusted: what is made of them is a proof.
 *
 * @dir  the folder, with the file `checkpoint`
 *
 * Returns 0, or an exit status after having said why there is no such folder.
 */
int audit_compare_tiles(struct audit_compare *c, const char *dir);

#endif
