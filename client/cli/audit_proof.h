/* audit_proof.h: a file with a proof that somebody kept, or with a signed checkpoint: reads it,
 * checks it without the log, and says what it proves. docs/evidence.md. */
#ifndef CLI_AUDIT_PROOF_H
#define CLI_AUDIT_PROOF_H

#include <jansson.h>
#include <stdbool.h>
#include "core/policy.h"
#include "lib/receipt.h"

struct audit_proof {
	const char *path;
	bool is_head;        /* a signed checkpoint alone: it proves no event */
	bool in_certificate; /* other text stands before it, of which it says nothing */
	enum receipt_fault fault;
	struct receipt receipt; /* what is filled in depends on fault, as in lib/receipt.h */
	bool has_policy;        /* audit_policy_apply() filled in the next two */
	unsigned n_witnesses;
	struct policy_finding cosigned;
	size_t n;
	char text[PROOF_MAX + 1];
};

/**
 * Reads a file and checks it.
 *
 * @path    borrowed; "-" is stdin
 * @keys    n_keys; 0: whoever signed it is not checked
 * @out     out: the caller frees it
 *
 * Returns 0, and (*out)->fault says what is wrong with the proof; or an exit status after having
 * said why there is none.
 */
int audit_proof_load(struct sha256 *h, const char *path, const struct receipt_key *keys,
	size_t n_keys, struct audit_proof **out);

/**
 * Checks n bytes that somebody else's answer held: a signed checkpoint, and nothing else is good.
 *
 * @name  of where they are from, borrowed; the other arguments as above
 *
 * Returns NULL without memory; the caller frees it.
 */
struct audit_proof *audit_proof_head(struct sha256 *h, const char *name, const char *text, size_t n,
	const struct receipt_key *keys, size_t n_keys);

/** Returns whether the file has the form of a proof or of a checkpoint, so that it can be loaded;
 * a file that cannot be read has not. */
bool audit_proof_is(const char *path);

/** Returns by how many seconds the latest of the witnesses' times is ahead of this machine's clock,
 * where that is more than clocks may differ; otherwise 0. */
int64_t audit_proof_ahead_s(const struct audit_proof *p);

/** Prints that, where it is not 0. */
void audit_proof_ahead_text(const struct audit_proof *p);

/** Prints for people what it proves. */
void audit_proof_text(const struct audit_proof *p);

/** Returns the same as members of an object. */
json_t *audit_proof_json(const struct audit_proof *p);

#endif
