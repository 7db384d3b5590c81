/*
 * store_put_state.h: the states of one upload in the store, the events that change them, and the
 * table of transitions. Pure: what is done in a transition is in store_put.c and
 * store_put_commit.c. docs/states/store_put.svg is the drawing.
 */
#ifndef STORE_STORE_PUT_STATE_H
#define STORE_STORE_PUT_STATE_H

#include <stdbool.h>
#include "base/transitions.h"

#define STORE_PUT_STATES(X) \
	/* No chunk was given. */ \
	X(EMPTY) \
	/* One chunk was given, which is not full, so it is the only one. It waits in this process \
	 * for its commit, and Redis has nothing of the upload. */ \
	X(HELD) \
	/* Full chunks were sent. The upload stands in the deadline index. */ \
	X(SENDING) \
	/* As SENDING, and the last chunk was sent. */ \
	X(COMPLETE) \
	/* The commit was sent. */ \
	X(COMMITTING) \
	/* Redis refused the commit itself. An abort was sent, for some of it may stand there. */ \
	X(CLEANING) \
	/* The commit's callback is being called. The put is freed behind it. */ \
	X(ANSWERED) \
	/* The upload was refused before its commit was sent. Its owner aborts it. */ \
	X(FAILED)

#define STORE_PUT_EVENTS(X) \
	/* the first chunk is not full: it is kept */ \
	X(ONLY_CHUNK_KEPT) \
	/* a full chunk was sent */ \
	X(CHUNK_SENT) \
	/* a chunk that is not full was sent, behind others */ \
	X(LAST_CHUNK_SENT) \
	/* the commit was sent, or tg2_put left the decision to tg2_commit, which was sent */ \
	X(COMMIT_SENT) \
	/* an abort was sent, whose answer is awaited */ \
	X(ABORT_SENT) \
	/* the store refuses the upload or a part of it, or cannot be reached, or time is over */ \
	X(REFUSED) \
	/* the owner is told what became of the commit */ \
	X(TOLD)

enum store_put_state {
#define X_(name) STORE_PUT_STATE_##name,
	STORE_PUT_STATES(X_)
#undef X_
		STORE_PUT_STATE_COUNT
};

enum store_put_event {
#define X_(name) STORE_PUT_EV_##name,
	STORE_PUT_EVENTS(X_)
#undef X_
		STORE_PUT_EVENT_COUNT
};

extern const struct transitions store_put_state_table;

/** Returns the state after the event. Aborts, with a message on stderr, when the event cannot come
 * in this state. */
static inline enum store_put_state store_put_state_next(
	enum store_put_state s, enum store_put_event e)
{
	return (enum store_put_state)transitions_next(&store_put_state_table, s, e);
}

/** Returns whether another chunk may be given in this state. */
bool store_put_state_takes_chunks(enum store_put_state s);
/** Returns whether the upload is under way and its commit was not sent. */
bool store_put_state_is_open(enum store_put_state s);
/** Returns whether the commit was sent, and its owner was not told what became of it. */
bool store_put_state_is_decided_by_store(enum store_put_state s);

#endif
