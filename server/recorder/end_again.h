/*
 * end_again.h: brings a store that went back up to what the evidence says: each blob, and session,
 * that had ended and is back ends again. For the recorder, before it lets reads begin.
 * docs/evidence.md, "Who records".
 */
#ifndef RECORDER_END_AGAIN_H
#define RECORDER_END_AGAIN_H

#include "core/chain.h"
#include "store/store.h"

struct end_again;

struct end_again_opts {
	struct store *store;
	const char *path; /* the evidence file; with what was rotated */
	/* of the store of which the file's end tells; and of the one that is there */
	const char *here, *epoch;
	/* by shard: what is recorded behind it, the store has forgotten */
	const struct chain_pos *from;
	int64_t now_ms; /* the store's */
};

/* ended: what was back. err 0, TG_ESTORE, TG_ENOMEM. The reconcile is freed after return. */
typedef void end_again_cb(void *ctx, int err, size_t ended);

/**
 * end_again_new(o, cb, ctx, rc): reads the files, and begins. NULL: *rc 0: nothing that had ended
 * was forgotten, so there is nothing to do; else TG_EIO (errno), TG_ENOMEM or TG_ESTORE; cb is then
 * not called. o is not kept.
 */
struct end_again *end_again_new(
	const struct end_again_opts *o, end_again_cb *cb, void *ctx, int *rc);
/** end_again_free(r): gives up; cb is not called. NULL is harmless. */
void end_again_free(struct end_again *r);

#endif
