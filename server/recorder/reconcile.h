/*
 * reconcile.h: compares the store with the evidence file when a recorder has taken the lease, or
 * has lost and taken it again, before it reads events. It finds out whether the store is the one to
 * which the file belongs, and whether the store still has all that it told us. Blobs and sessions
 * that had ended and are back end again (end_again.h). What was found is recorded, and events that
 * are recorded already are trimmed. docs/evidence.md, "Who records".
 */
#ifndef RECORDER_RECONCILE_H
#define RECORDER_RECONCILE_H

#include "recorder/lease.h"
#include "recorder/ledger.h"
#include "store/outbox.h"

struct reconcile;

enum reconcile_event {
	RECONCILE_UNDER_WAY, /* of reconcile_begin() only: another event will come by the callback
			      */
	RECONCILE_SETTLED,   /* store and file agree: see reconcile_result() */
	/* what was seen is trimmed, and there is more: renew the lease, and begin anew */
	RECONCILE_AGAIN,
	RECONCILE_FAILED,     /* the store did not answer, or the lease is not ours any more */
	RECONCILE_REFUSED,    /* the store does not do what is needed, though it answers */
	RECONCILE_FILE_FAILED /* err and errno as a call of the ledger left them */
};

/* err: of RECONCILE_FILE_FAILED, otherwise 0. The reconcile may be freed in it. */
typedef void reconcile_cb(void *ctx, enum reconcile_event e, int err);

struct reconcile_opts {
	struct store *store;       /* borrowed, as what follows: each outlives the reconcile */
	struct ledger *ledger;     /* open; nothing is in its batch */
	const struct lease *lease; /* ours */
	const char *path;          /* of the evidence file */
	/* what the lease's call said; it is copied */
	const struct outbox_lease *answer;
	bool replaced;    /* the store became another one while its process went on */
	reconcile_cb *cb; /* called at most once, never before return, nor after reconcile_free() */
	void *ctx;
};

struct reconcile_result {
	const char *epoch; /* of the store */
	const char *life;  /* of the Redis process, for store_reconcile_done() */
	/* by shard: up to there, events may stand in our file, or in that of one before us */
	const struct chain_pos *declared;
};

/** Returns a comparison that has not begun, for reconcile_free(); NULL without memory. */
struct reconcile *reconcile_new(const struct reconcile_opts *o);
/** Begins. Returns RECONCILE_UNDER_WAY; or the result, if it is known at once: then *err is as in
 * the callback, which does not come. */
enum reconcile_event reconcile_begin(struct reconcile *r, int *err);
/** Gives up: cancels what is under way. NULL is harmless. */
void reconcile_free(struct reconcile *r);
/** Returns what was found, after RECONCILE_SETTLED; borrowed, as long as the reconcile. */
struct reconcile_result reconcile_result(const struct reconcile *r);

#endif
