/* keeping.h: fetches proofs of what a command has ended, checks them against the pinned key of the
 * log, and keeps them in files. docs/evidence.md. */
#ifndef CLI_KEEPING_H
#define CLI_KEEPING_H

#include <stdbool.h>
#include "cli/cli.h"

struct keeping;

enum keeping_where {
	KEEPING_FILE,   /* --proof names a file */
	KEEPING_OUTPUT, /* --output names a file, or it goes to stdout */
	KEEPING_FOLDER, /* --proof names a folder, for a file EVENT.proof for each proof */
};

/**
 * Reads --proof, --log-key and --policy, and checks that the proofs can be written there: before
 * anything has ended.
 *
 * @without  proofs are wanted also without --proof, if the key of a log is known
 * @out      out: NULL when none are wanted; the caller frees it
 *
 * Returns 0, or an exit status after having said what is wrong.
 */
int keeping_new(
	const struct cmdline *o, enum keeping_where where, bool without, struct keeping **out);

/** Frees it. NULL is fine. */
void keeping_free(struct keeping *k);

/** Returns the path of --proof; NULL when there is none. */
const char *keeping_path(const struct keeping *k);

/**
 * Fetches a proof, checks and keeps it.
 *
 * @k     NULL: none is wanted
 * @of    what it must be of; its keys and its policy are filled in here
 * @done  what has happened in any case, for the message: "the blob is erased"
 * @out   its struct_size is set; filled in when it is good; NULL: not wanted
 *
 * Returns 0, or an exit status after having said why there is no proof.
 */
int keeping_keep(
	struct keeping *k, tg_client *c, const tg_proof_opts *of, const char *done, tg_proof *out);

/**
 * Does the same for each receipt, until one fails.
 *
 * @of  the subject, if its blobs are of one
 */
int keeping_keep_each(struct keeping *k, tg_client *c, const tg_proof_opts *of,
	const tg_receipt *list, size_t n, const char *done);

/** Copies the receipts of the client's last answer into a list that the caller frees; *n: how
 * many. NULL without memory. */
tg_receipt *keeping_receipts(const tg_client *c, size_t *n);

/** Makes a receipt of what the server tells of a blob that is gone. */
tg_receipt keeping_receipt(const tg_blob *b);

#endif
