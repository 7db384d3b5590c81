/*
 * store_put_step.h: one upload in the store, for the files that work on it: store_put.c begins it,
 * sends its chunks and aborts it, store_put_commit.c commits it. The states and what changes them:
 * store_put_state.h.
 */
#ifndef STORE_STORE_PUT_STEP_H
#define STORE_STORE_PUT_STEP_H

#include <event2/buffer.h>
#include <event2/event_struct.h>
#include "redis/rconn.h"
#include "store/key.h"
#include "store/store_put_opts.h"
#include "store/store_put_state.h"
#include "store/types.h"

/* Chunks whose SET may be unanswered at once. */
#define STORE_PUT_UNANSWERED_MAX 2u

struct store_put {
	struct store *store;
	struct store_put_opts opts;
	struct store_put_calls calls;
	void *ctx;
	enum store_put_state state;
	int err; /* why it was refused first, TG_E…; 0: it was not */
	char id[TOKEN_LEN + 1];
	char attempt[ATTEMPT_LEN + 1]; /* what stands in Redis before the commit is under this */
	unsigned shard;
	uint64_t born_us;       /* the request's first byte */
	unsigned n;             /* chunks that were sent */
	unsigned announced;     /* so many chunks tg2_stage was told of; 0: it was never called */
	uint64_t entered_us;    /* when tg2_stage was called last */
	unsigned unanswered;    /* chunks whose SET was not answered */
	uint64_t bytes;         /* of the chunks that were given */
	struct evbuffer *piece; /* the chunk in hand; in HELD the only one */
	struct store_blob written; /* what goes live, where its record is written in this process */
	struct event heartbeat;    /* from the beginning: an upload that drips ends in time, too */
	struct loop_task checked;
};

/** Changes the state by the table. Aborts when the event cannot come. */
void store_put_step(struct store_put *p, enum store_put_event e);
/** The upload is refused, with err as the reason unless it has one. Returns the reason. Its owner
 * learns of it from the caller. */
int store_put_step_refuse(struct store_put *p, int err);
/** The same from a callback: the owner is told by on_refused; behind the commit, by the commit's
 * answer. Does nothing when the upload was refused before. */
void store_put_step_refuse_later(struct store_put *p, int err);
/** Returns how long it is until the upload's deadline, in ms; 0 or less: the deadline is over. */
int64_t store_put_step_left_ms(const struct store_put *p);
/** rconn's callback for the SET of a chunk. ctx: the put. */
void store_put_step_on_set(void *ctx, const redisReply *r);
/** Frees p, with what it owns. Answers that are due are not told. */
void store_put_step_free(struct store_put *p);

#endif
