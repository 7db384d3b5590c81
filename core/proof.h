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
#include "core/note.h"
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
 * Checks a proof that was read: that the key signed the checkpoint, which is the checkpoint of the
 * log of that name, and that the line stands in its tree.
 *
 * @log   the log's key; its name is the log's origin
 * @note  filled in: for note_verify() with the keys of witnesses
 * @out   filled in: the checkpoint
 *
 * Returns 0; TG_EINVAL: no checkpoint of that log, or the line does not stand in its tree;
 * TG_ENOENT: the log has not signed it; TG_ESIGNATURE: its signature is wrong; TG_ENOMEM.
 */
int proof_check(struct sha256 *h, const struct proof *p, const struct note_key *log,
	struct note *note, struct checkpoint *out);

#endif
