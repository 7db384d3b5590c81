/*
 * lease.h: the lease that makes one recorder the only one of its store, and the declarations that
 * go with it, which say up to where events may stand in our file. It uses the store's lease call
 * alone, and reports each answer as an event. docs/evidence.md, docs/store.md (tg2_recorder).
 */
#ifndef RECORDER_LEASE_H
#define RECORDER_LEASE_H

#include <stdbool.h>
#include <stdint.h>

#include "recorder/ledger.h"
#include "store/outbox.h"

struct lease;

enum lease_event {
	LEASE_OURS,      /* it is ours, and the store says what it was told last */
	LEASE_ELSEWHERE, /* another recorder has it */
	/* the answer came too late: another recorder may have the lease by now */
	LEASE_LATE,
	/* the store has forgotten what it was told: it was flushed or replaced, without the
	 * connection being broken */
	LEASE_FORGOTTEN,
	LEASE_FAILED,  /* the store refused the call, or the connection broke */
	LEASE_GIVEN_UP /* lease_give_up() was answered, whatever the answer was */
};

/* answer: borrowed until return; NULL where the store gave none. The lease may be freed in it. */
typedef void lease_cb(void *ctx, enum lease_event e, const struct outbox_lease *answer);

struct lease_opts {
	struct store *store;     /* borrowed; outlives the lease */
	const char *public_text; /* of the signing key: CHAIN_PUBLIC and hex */
	const char *path;        /* of the evidence file */
	lease_cb *cb; /* called once for each call that is not cancelled, never before return */
	void *ctx;
};

/** Returns a lease that is not ours yet, for lease_free(); NULL without memory. */
struct lease *lease_new(const struct lease_opts *o);
/** Cancels the call under way. NULL is harmless. */
void lease_free(struct lease *l);
/** Returns the name by which the store knows us, made of key, host and file. Lives as long as the
 * lease. */
const char *lease_token(const struct lease *l);

/** Returns whether the lease is ours now, by our clock. */
bool lease_is_held(const struct lease *l);
/** Returns when the last call was sent, by clock_mono_us(); 0: never. */
uint64_t lease_asked_us(const struct lease *l);
/** Returns how long, by the last answer, another recorder has had the lease; 0: it has not. */
uint64_t lease_waited_us(const struct lease *l);

/**
 * Takes or renews the lease, and tells the store up to when all is recorded. Does nothing while a
 * call is under way.
 *
 * @caught_up_us  every event before that is recorded, by clock_mono_us(); 0: not known
 *
 * Returns 0, and cb comes, or TG_ESTORE.
 */
int lease_take(struct lease *l, uint64_t caught_up_us);
/**
 * The same, and declares up to where events may stand in our file from now on. Only after
 * lease_settle(). Does nothing while a call is under way: its answer is then LEASE_OURS, and the
 * caller declares again.
 *
 * @ledger  its next mark, with the batch that waits, is what is declared; and its signed head
 */
int lease_declare(struct lease *l, uint64_t caught_up_us, const struct ledger *ledger);
/** Returns whether the last declaration that was answered covers the ledger's batch, so that it may
 * be written. */
bool lease_covers(const struct lease *l, const struct ledger *ledger);
/** Ends the lease, here at once and in the store. A call under way is cancelled. Returns 0, and cb
 * comes with LEASE_GIVEN_UP, or LEASE_FAILED when the store refused; or TG_ESTORE. */
int lease_give_up(struct lease *l, uint64_t caught_up_us);
/** Forgets the lease, and cancels the call under way: the connection is another one. */
void lease_forget(struct lease *l);

/**
 * The store agrees with the file: from now on answers are compared with what was declared.
 *
 * @epoch     of the store
 * @declared  by shard, up to where events may stand in our file already
 */
void lease_settle(struct lease *l, const char *epoch, const struct chain_pos *declared);
/** Ends what lease_settle() began, since the store may not agree with the file any more. The call
 * under way is cancelled, and nothing may be declared before the next lease_settle(). Does nothing
 * when it was not settled. */
void lease_unsettle(struct lease *l);

#endif
