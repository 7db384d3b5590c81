/*
 * work.h: the work that the recorder's transitions ask for: opening key and file, taking the lease,
 * comparing, reading and writing rounds. It holds the modules that do it, and puts their events
 * into the machine's words. Which work is due in which state, the machine decides (machine.c).
 */
#ifndef RECORDER_WORK_H
#define RECORDER_WORK_H

#include <stdbool.h>
#include "conf/conf.h"
#include "net/loop.h"
#include "recorder/announce.h"
#include "recorder/identity.h"
#include "recorder/lease.h"
#include "recorder/ledger.h"
#include "recorder/reconcile.h"
#include "recorder/recorder_state.h"
#include "recorder/rounds.h"
#include "recorder/signing_key.h"
#include "store/types.h"

/** Takes an event of the modules; never called before the function that asked for the work has
 * returned. */
typedef void work_cb(void *ctx, enum recorder_event e);

struct work_opts {
	const struct conf *conf; /* borrowed, as the loop; both outlive the work */
	struct loop *loop;
	work_cb *cb;
	/* The lease's answers go past the work: what they mean depends on the state. */
	lease_cb *on_lease;
	void *ctx; /* of both */
};

/* Others read it; work_*() alone change it. */
struct work {
	struct work_opts opts;
	struct store *store; /* borrowed; NULL before work_set_store() */
	struct announce announce;
	struct identity identity; /* of the store */
	/* The key is open as soon as ledger and lease are there: the three come together. */
	struct signing_key key;
	struct ledger *ledger;
	struct lease *lease;
	struct reconcile *reconcile; /* while a comparison is under way; otherwise NULL */
	struct rounds *rounds;       /* while store and file agree; otherwise NULL */
	uint64_t caught_up_us; /* every event before that is recorded, by clock_mono_us(); 0: not
				  known */
};

/** Begins without key, file and lease. */
void work_init(struct work *w, const struct work_opts *o);
/** Frees all that it holds, not w. */
void work_end(struct work *w);
/** Gives it the store's connection: once, before anything else is asked for. */
void work_set_store(struct work *w, struct store *s);

/*
 * Those that follow return the event that comes of the work at once, or RECORDER_EV_NONE: then it
 * is done, or under way, and an event comes later.
 */

/** Opens the signing key, and makes ledger and lease. KEY_OPENED; NONE: it cannot be used, which
 * was announced. */
enum recorder_event work_open_key(struct work *w);
/** Signs the chain's head if it is due (ledger_checkpoint_is_due()). FILE_FAILED or NONE. Not
 * while a batch waits: it would go into the file undeclared. */
enum recorder_event work_checkpoint_when_due(struct work *w);
/**
 * For a stop while store and file agree: puts a record of the blobs that end with the embedded
 * Redis into the batch, if there are any, for the last checkpoint. Nothing else may be in it.
 *
 * @all_read  no event was left in the outboxes: so the evidence must have as many open blobs
 */
void work_record_stop(struct work *w, bool all_read);
/** Signs the chain's head a last time, if the file is open. A failure is announced. */
void work_checkpoint_at_exit(struct work *w);

/** Asks for the lease or renews it. LEASE_LOST or NONE. */
enum recorder_event work_take_lease(struct work *w);
/** The same, and declares the batch that waits. LEASE_LOST or NONE. */
enum recorder_event work_declare(struct work *w);
/** Gives the lease up. Returns 0, and the lease's callback comes, or TG_ESTORE. */
int work_give_lease_up(struct work *w);

/** Opens the file and begins to compare the store with it. @answer: the lease call's, of which it
 * keeps a copy. Returns SETTLED, COMPARE_AGAIN, COMPARE_FAILED, FILE_FAILED or NONE. */
enum recorder_event work_compare(struct work *w, const struct outbox_lease *answer);
/** Cancels the comparison, if one is under way. */
void work_cancel_comparison(struct work *w);

/** After SETTLED: ends the comparison, lets the store be read, declares, and makes the rounds.
 * Returns ROUND_DUE, LEASE_LOST, COMPARE_FAILED or NONE. */
enum recorder_event work_settle(struct work *w);
/** Store and file may differ from here on: ends the rounds, drops the batch, and cancels what was
 * begun by work_settle(). Harmless when nothing was settled. */
void work_unsettle(struct work *w);

/** ROUND_DUE if store, lease and file allow a round; otherwise NONE. */
enum recorder_event work_round_if_possible(const struct work *w);
/** Reads the outboxes. ROUND_DROPPED or NONE. */
enum recorder_event work_read(struct work *w, enum rounds_mode mode);
/** Writes the batch, which was declared, and syncs it. WRITTEN or FILE_FAILED. */
enum recorder_event work_write(struct work *w);

/** Announces that the store answers and refuses a call; nothing when the connection is down. */
void work_announce_refused(struct work *w);

#endif
