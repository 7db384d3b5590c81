/*
 * store_reap.h: ending what is due, for the reaper.
 */
#ifndef STORE_STORE_REAP_H
#define STORE_STORE_REAP_H

#include "store/types.h"

#define STORE_REAP_MAX 128u /* lateness figures in one answer */

struct store_reaped {
	unsigned erased;  /* things ended by this call: blobs, sessions, leftovers */
	bool more;        /* more are due in this shard now */
	unsigned overdue; /* how many */
	int64_t next_ms;  /* the shard's next deadline (Unix), 0: none */
	int64_t now_ms;   /* the store's time */
	/* what Redis said to something that could not be ended; it is tried again in a second; "":
	 * nothing */
	char failed[96];
	/* how far Redis's clock stands behind the store's time: it was stepped back */
	int64_t back_ms;
	unsigned expired, session_ended, lease_expired, aborted, consumed; /* blobs, by cause */
	uint32_t lateness_us[STORE_REAP_MAX]; /* of the first of them */
	unsigned n_lateness;
};

typedef void store_reap_cb(void *ctx, unsigned shard, int err, const struct store_reaped *r);
/**
 * Ends up to max things that are due in a shard. Several reapers may run.
 *
 * @at_least_ms  by the store's time it is no earlier than that, whatever Redis's clock says (one
 *               that was stepped back goes on from there); 0: unknown
 */
int store_reap(struct store *s, unsigned shard, unsigned max, int64_t at_least_ms,
	store_reap_cb *cb, void *ctx);

#endif
