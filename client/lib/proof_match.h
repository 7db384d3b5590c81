/*
 * proof_match.h: whether a proof that a server gave is good, and of what was asked for. A true
 * proof of something else proves nothing here. No I/O, no clock. Not installed.
 */
#ifndef TG_LIB_PROOF_MATCH_H
#define TG_LIB_PROOF_MATCH_H

#include <timeglas/timeglas.h>
#include "core/policy.h"
#include "lib/evidence_tag.h"
#include "lib/receipt.h"

#define PROOF_MATCH_KEYS 16 /* that are given; those of a policy come on top */
#define PROOF_MATCH_WHY 384 /* bytes of a sentence, its NUL included */

struct proof_match {
	struct sha256 *sha;
	struct receipt_key key[PROOF_MATCH_KEYS + POLICY_LOGS_MAX];
	size_t n_keys;
	struct policy *policy; /* NULL: none was given */

	/* What the record must say; "" for a text that is not compared. */
	char event[64];
	const char *what; /* "gone", "subject-erased"; NULL: any event */
	char tag[EVIDENCE_TAG_CHARS + 1];
	char subject[TG_SUBJECT_HASH_CHARS + 1];
	const tg_receipt *receipt; /* NULL, or the struct that the options point to */
	const tg_subject *erased;
	tg_receipt receipt_copy;
	tg_subject erased_copy;

	struct receipt found; /* the last proof that was judged */
	unsigned n_witnesses; /* of the policy, that have cosigned it */
	char why[PROOF_MATCH_WHY];
};

/**
 * Reads what is asked for.
 *
 * @o    borrowed until return
 * @out  also set on failure, unless there was no memory for it: its why is a sentence then; free it
 *       with proof_match_free()
 *
 * Returns 0, TG_EINVAL, TG_EKEY (no key, or not one) or TG_ENOMEM.
 */
int proof_match_new(const tg_proof_opts *o, struct proof_match **out);

/** Frees it. NULL is fine. */
void proof_match_free(struct proof_match *m);

/**
 * Judges a proof.
 *
 * @text  n bytes, which m->found points into
 *
 * Returns 0; TG_EPROOF: it is not good, or of something else; TG_EPOLICY: it is good and of what
 * was asked for, and too few witnesses have cosigned it. m->why is a sentence then.
 */
int proof_match_judge(struct proof_match *m, const char *text, size_t n);

#endif
