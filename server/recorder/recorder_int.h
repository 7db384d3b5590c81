/* recorder_int.h: the recorder's state, and what its parts call of each other: the process (recorder.c), the lease (lease.c), the rounds (rounds.c); nobody else includes it. */
#ifndef RECORDER_RECORDER_INT_H
#define RECORDER_RECORDER_INT_H

#include <event2/event.h>
#include "base/board.h"
#include "base/child.h"
#include "net/loop.h"
#include "recorder/akey.h"
#include "recorder/entry.h"
#include "recorder/ledger.h"
#include "store/outbox.h"

struct recorder {
	const struct child_env *env;
	struct loop *loop;
	struct store *store;
	struct outbox *outbox;
	struct event *tick, *round, *term;
	struct akey key;
	bool has_key;
	struct ledger *ledger;
	char token[OUTBOX_TOKEN + 1];
	enum evidence state;
	bool reading, asking, stopping, released;
	uint64_t lease_until_us;       /* 0: not ours */
	uint64_t asked_us, read_us;    /* when the call under way was sent */
	uint64_t signed_us;            /* the last checkpoint */
	uint64_t stop_us;
	int64_t store_ms;              /* the store's time, as of store_us; for the servers that wait */
	uint64_t store_us, caught_up_us;
	struct entry entry;
};

/* recorder.c */
/** recorder_state(x, e, error): tell the other processes, and the log when it is news. */
void recorder_state(struct recorder *x, enum evidence e, int error);
/** recorder_file_failed(x, err): what a ledger's call that returned err means to them. */
void recorder_file_failed(struct recorder *x, int err);
/** recorder_head(x): tell them the last signed head. */
void recorder_head(const struct recorder *x);
/** recorder_checkpoint(x, reason): false: it failed, and that was told. */
bool recorder_checkpoint(struct recorder *x, const char *reason);
/** recorder_end(x): nothing more is recorded: sign, give the lease back, and end. */
void recorder_end(struct recorder *x);

/* lease.c */
/** lease_token(x, path): draw up x->token. */
void lease_token(struct recorder *x, const char *path);
/** lease_ask(x): take or renew it, or give it back once x->released. Does nothing while an answer is awaited. */
void lease_ask(struct recorder *x);
bool lease_is_ours(const struct recorder *x);
void lease_on_answer(void *ctx, int err, const struct outbox_lease *l);

/* rounds.c */
/** rounds_read(x): begin one, if anything allows it. */
void rounds_read(struct recorder *x);
void rounds_on_events(void *ctx, int err, struct outbox_batch *b);
void rounds_on_timer(evutil_socket_t fd, short what, void *ctx);

#endif
