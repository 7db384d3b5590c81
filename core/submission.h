/*
 * submission.h: what a log sends to a witness (C2SP tlog-witness, add-checkpoint): how far the
 * witness has followed it, the proof that nothing before that has changed, and the signed
 * checkpoint. No I/O.
 */
#ifndef TG_CORE_SUBMISSION_H
#define TG_CORE_SUBMISSION_H

#include <stddef.h>
#include <stdint.h>
#include "core/tree.h"

#define SUBMISSION_PROOF_MAX 63u /* hashes */
#define SUBMISSION_NOTE_MAX 16384u
/* "old", a blank, 20 digits and LF; lines of 44 characters and LF; an empty line; the note */
#define SUBMISSION_MAX (25u + SUBMISSION_PROOF_MAX * 45u + 1u + SUBMISSION_NOTE_MAX)

struct submission {
	uint64_t old; /* lines of the checkpoint that the proof begins at */
	struct tree_proof proof;
	const char *note; /* the signed checkpoint, note_n bytes; its form is not checked */
	size_t note_n;
};

/** Reads n bytes; out->note points into them. Returns 0 or TG_EINVAL. */
int submission_scan(const char *p, size_t n, struct submission *out);

/** Writes one. Returns its length without the NUL; 0 when it is longer than cap - 1. */
size_t submission_text(const struct submission *s, char *out, size_t cap);

#endif
