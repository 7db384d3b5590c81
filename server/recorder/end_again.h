/*
 * end_again.h: brings a store that went back up to what the evidence says: each blob and session
 * that had ended, and is back, ends again. docs/evidence.md, "Who records".
 */
#ifndef RECORDER_END_AGAIN_H
#define RECORDER_END_AGAIN_H

#include "core/chain.h"

struct end_again;

struct end_again_opts {
	struct store *store; /* borrowed; outlives it */
	const char *path;    /* of the evidence file; its rotated files are read, too */
	const char *here;    /* epoch of the store of which the file's end tells */
	const char *epoch;   /* of the store that is there */
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
 * @rc  of NULL: 0 when there is nothing to do, for nothing that had ended was forgotten; otherwise
 *      TG_EIO (errno), TG_ENOMEM or TG_ESTORE
 *
 * Returns what is under way, until cb; or NULL, and cb is then not called.
 */
struct end_again *end_again_new(
	const struct end_again_opts *o, end_again_cb *cb, void *ctx, int *rc);
/** Gives up: cb is not called. NULL is harmless. Not within cb. */
void end_again_free(struct end_again *x);

#endif
