/*
 * end_again.h: ends again, in a store that went back to an earlier state, each blob and session
 * that had ended by the evidence and is back; then has it remember what was said of subjects.
 * docs/evidence.md, "Who records".
 */
#ifndef RECORDER_END_AGAIN_H
#define RECORDER_END_AGAIN_H

#include "core/chain.h"

struct end_again;

struct end_again_opts {
	struct store *store; /* borrowed; outlives it */
	const char *path;    /* of the evidence file; its rotated files are read, too */
	const char *here;    /* epoch of the store to which the file's last lines belong */
	const char *epoch;   /* of the store that went back */
	/* by shard: the store has forgotten what is recorded behind that position */
	const struct chain_pos *from;
	int64_t now_ms; /* the store's time */
};

/* err: 0, TG_ESTORE or TG_ENOMEM. ended: how many were back. The end_again is freed after return.
 */
typedef void end_again_cb(void *ctx, int err, size_t ended);

/**
 * Reads the files, and begins.
 *
 * @o   not kept
 * @cb  called once, never before return, nor after end_again_free()
 * @rc  set when NULL is returned: 0 when the store has forgotten no end; otherwise TG_EIO (errno),
 *      TG_ENOMEM or TG_ESTORE
 *
 * Returns what is under way, until cb; or NULL, and cb is then not called.
 */
struct end_again *end_again_new(
	const struct end_again_opts *o, end_again_cb *cb, void *ctx, int *rc);
/** Gives up: cb is not called. Not to be called within cb. NULL is harmless. */
void end_again_free(struct end_again *x);

#endif
