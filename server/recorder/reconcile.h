/*
 * reconcile.h: brings a store that went back up to what the evidence says: each blob, and session,
 * that had ended and is back ends again. For the recorder, before it lets reads begin.
 * docs/evidence.md, "Who records".
 */
#ifndef RECORDER_RECONCILE_H
#define RECORDER_RECONCILE_H

#include "core/chain.h"
#include "store/store.h"

struct reconcile;

struct reconcile_opts {
	struct store *store;
	const char *path; /* the evidence file; with what was rotated */
	/* of the store of which the file's end tells; and of the one that is there */
	const char *here, *epoch;
	/* by shard: what is recorded behind it, the store has forgotten */
	const struct chain_pos *from;
	int64_t now_ms; /* the store's */
};

/* ended: what was back. err 0, TG_ESTORE, TG_ENOMEM. The reconcile is freed after return. */
typedef void reconcile_cb(void *ctx, int err, size_t ended);

/**
 * reconcile_new(o, cb, ctx, rc): reads the files, and begins. NULL: *rc 0: nothing that had ended
 * was forgotten, so there is nothing to do; else TG_EIO (errno), TG_ENOMEM or TG_ESTORE; cb is then
 * not called. o is not kept.
 */
struct reconcile *reconcile_new(
	const struct reconcile_opts *o, reconcile_cb *cb, void *ctx, int *rc);
/** reconcile_free(r): gives up; cb is not called. NULL is harmless. */
void reconcile_free(struct reconcile *r);

#endif
