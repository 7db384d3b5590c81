/*
 * recorder_int.h: the recorder's state, and what its parts call of each other: the process
 * (recorder.c), the lease (lease.c), taking up (reconcile.c), the rounds (rounds.c); nobody else
 * includes it.
 *
 * A connection is made → the lease is asked for → it is ours: what the store says is compared with
 * the file (reconcile) → settled: rounds. Whatever fails unsettles, and it begins again with the
 * lease.
 */
#ifndef RECORDER_RECORDER_INT_H
#define RECORDER_RECORDER_INT_H

#include <event2/event.h>
#include "base/scoreboard.h"
#include "base/child.h"
#include "net/loop.h"
#include "recorder/signing_key.h"
#include "recorder/entry.h"
#include "recorder/ledger.h"
#include "recorder/end_again.h"
#include "store/outbox.h"

struct reconcile {
	/* what was learned of the store; shards that nobody asked about stay zero */
	struct outbox_lease lease;
	bool looking, trimming;
	struct end_again *end_again; /* under way; NULL: not */
	struct seen {
		bool asked, full;      /* full: it may hold more up to our position */
		struct chain_pos last; /* the last id that it ever gave */
		/* the last of its first entries that stand in our file; 0-0: none */
		struct chain_pos known;
		struct chain_pos fresh; /* the first one that does not; 0-0: none */
	} shard[TOKEN_SHARDS];
};

struct recorder {
	const struct child_env *env;
	struct loop *loop;
	struct store *store;
	struct outbox *outbox;
	struct event *tick, *round, *term;
	struct signing_key key;
	bool has_key;
	struct ledger *ledger;
	char token[OUTBOX_TOKEN + 1];
	enum evidence state;
	bool stopping, released;
	bool asking, settled;
	bool yielding; /* the lease call under way gives it to whoever can write */
	/* since when our file cannot be written, 0: it can; until when we do not ask again */
	uint64_t failed_us, rest_us;
	uint64_t lease_until_us;    /* 0: not ours */
	uint64_t waits_us;          /* since when somebody else has it; 0: nobody has */
	uint64_t asked_us, read_us; /* when the call under way was sent */
	/* since when reads may begin: what was asked before says nothing of it */
	uint64_t compared_us;
	uint64_t signed_us; /* the last checkpoint */
	uint64_t stop_us, began_us;
	/* the store's time, as of store_us; for the servers that wait */
	int64_t store_ms;
	uint64_t store_us, caught_up_us;
	struct reconcile reconcile;
	/* declared in the store: up to there events may stand in our file, or in that of one before
	 * us */
	struct chain_pos told[TOKEN_SHARDS];
	/* with the lease call under way, and with the last one that was answered */
	struct chain_pos asked[TOKEN_SHARDS], answered[TOKEN_SHARDS];
	bool asked_any, answered_any;
	bool reading;
	/* events that wait for their declaration, in the ledger's batch */
	int batch;
	uint64_t batch_shards;
	bool batch_full, declared; /* declared: the lease call under way covers them */
	struct entry entry;
};

/* recorder.c */
/** recorder_state(x, e, error): tell the other processes, and the log when it is news. */
void recorder_state(struct recorder *x, enum evidence e, int error);
/** recorder_file_failed(x, err): what a ledger's call that returned err means to them. */
void recorder_file_failed(struct recorder *x, int err);
/** recorder_head(x): tell them the last signed head. */
void recorder_head(const struct recorder *x);
/** recorder_checkpoint(x, reason): false: it failed, and that was told. Not while a batch waits. */
bool recorder_checkpoint(struct recorder *x, const char *reason);
/** recorder_sign(x): a checkpoint, when it is time for one. */
void recorder_sign(struct recorder *x);
/** recorder_unsettle(x): nothing is read or written before the store was compared with the file
 * anew; a batch is dropped: its events are still in the store. */
void recorder_unsettle(struct recorder *x);
/** recorder_end(x): nothing more is recorded: sign, give the lease back, and end. */
void recorder_end(struct recorder *x);

/* lease.c */
/** lease_token(x, path): draw up x->token. */
void lease_token(struct recorder *x, const char *path);
/** lease_ask(x): take or renew it, and declare once settled; or give it back once x->released. Does
 * nothing while an answer is awaited. */
void lease_ask(struct recorder *x);
bool lease_is_ours(const struct recorder *x);
void lease_on_answer(void *ctx, int err, const struct outbox_lease *l);

/* reconcile.c */
/** reconcile_begin(x, l): the lease is ours, and nothing is settled. */
void reconcile_begin(struct recorder *x, const struct outbox_lease *l);
void reconcile_on_look(void *ctx, int err, const struct outbox_look *k);
void reconcile_on_trimmed(void *ctx, int err);

/* rounds.c */
/** rounds_read(x): begin one, if anything allows it. */
void rounds_read(struct recorder *x);
/** rounds_commit(x): the batch is declared: write it. */
void rounds_commit(struct recorder *x);
void rounds_on_events(void *ctx, int err, struct outbox_batch *b);
void rounds_on_timer(evutil_socket_t fd, short what, void *ctx);

#endif
