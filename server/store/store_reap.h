/*
 * store_reap.h: ending what is due, for the reaper.
 */
#ifndef STORE_STORE_REAP_H
#define STORE_STORE_REAP_H

#include "store/types.h"

#define STORE_REAP_MAX 128u /* lateness figures in one answer */

struct store_reaped {
	unsigned erased;  /* index entries that this call has dealt with: blobs, sessions, leftovers
			   */
	bool more;        /* more are due in this shard now */
	unsigned overdue; /* how many */
	int64_t next_ms;  /* the shard's next deadline, Unix; 0: there is none */
	int64_t now_ms;   /* the store's time, Unix */
	/* what Redis said of something that could not be ended, and is tried again in a second; "":
	 * nothing */
	char failed[96];
	/* how far Redis's clock is behind the store's time, because it was set back */
	int64_t back_ms;
	unsigned expired, session_ended, lease_expired, aborted, consumed; /* blobs, by cause */
	uint32_t lateness_us[STORE_REAP_MAX]; /* behind its deadline, of the first of them */
	unsigned n_lateness;
};

/** r: NULL with an error; otherwise borrowed until return. */
typedef void store_reap_cb(void *ctx, unsigned shard, int err, const struct store_reaped *r);
/**
 * Ends what is due in a shard. Several reapers may do so at once.
 *
 * @max          index entries, at most
 * @at_least_ms  the store's time is no earlier than that (Unix), whatever Redis's clock says; one
 *               that was set back goes on from there. 0: not known
 */
int store_reap(struct store *s, unsigned shard, unsigned max, int64_t at_least_ms,
	store_reap_cb *cb, void *ctx);

#endif
