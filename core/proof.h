/*
 * proof.h: a proof that a line stands in a log (C2SP tlog-proof), a text of its own: the line,
 * where it stands, an inclusion proof, and a checkpoint with its signatures. Whoever keeps it needs
 * nothing else but the log's public key, and those of the witnesses that are to be heard.
 */
#ifndef TG_CORE_PROOF_H
#define TG_CORE_PROOF_H

#include <stddef.h>
#include <stdint.h>
#include "core/checkpoint.h"
#include "core/tree.h"

#define PROOF_FIRST_LINE "c2sp.org/tlog-proof@v1"
#define PROOF_MAX 65536u      /* bytes of a proof that is read, at most */
#define PROOF_LINE_MAX 16384u /* bytes of its line: CHAIN_LINE_MAX */

/* What a proof is made of. */
struct proof {
	const char
		*line; /* line_n bytes without the LF: the leaf; in the text it is the extra data */
	size_t line_n;
	uint64_t index;              /* of the line in the log; the first is 0 */
	struct tree_proof inclusion; /* in the tree of the checkpoint */
	const char *checkpoint;      /* the signed note, checkpoint_n bytes */
	size_t checkpoint_n;
};

/**
 * Writes a proof.
 *
 * @cap  bytes that out holds
 *
 * Returns its length without the NUL; 0 when it is longer than cap - 1.
 */
size_t proof_text(const struct proof *p, char *out, size_t cap);

/**
 * Reads a proof's form.
 *
 * @s     n bytes; out->checkpoint points into it
 * @line  takes the line, cap bytes; out->line is the same
 *
 * Returns 0, or TG_EINVAL.
 */
int proof_scan(const char *s, size_t n, char *line, size_t cap, struct proof *out);

/**
 * Checks that a proof's line stands in the tree of a checkpoint. Whether the checkpoint is to be
 * believed is the caller's to know: note_verify().
 *
 * @c  as checkpoint_scan() read it from the proof's note
 *
 * Returns 0 or TG_EINVAL.
 */
int proof_included(struct sha256 *h, const struct proof *p, const struct checkpoint *c);

#endif
