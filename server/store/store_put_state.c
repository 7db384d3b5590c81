/*
 * store_put_state.c: the table of transitions of one upload in the store. It holds no state and
 * does no work. A pair of state and event that is not in the table cannot happen: who meets one has
 * found a fault in the program. Runs in workers.
 */
#include "store/store_put_state.h"

/* X(from, event, to). Where `to` is `from`, the event is expected there and does not change the
 * state. A refusal behind the commit is a part's: the commit's answer tells of the whole. */
#define TRANSITIONS(X) \
	X(EMPTY, ONLY_CHUNK_KEPT, HELD) \
	X(EMPTY, CHUNK_SENT, SENDING) \
	X(EMPTY, REFUSED, FAILED) \
\
	X(HELD, COMMIT_SENT, COMMITTING) \
	X(HELD, REFUSED, FAILED) \
\
	X(SENDING, CHUNK_SENT, SENDING) \
	X(SENDING, LAST_CHUNK_SENT, COMPLETE) \
	X(SENDING, COMMIT_SENT, COMMITTING) \
	X(SENDING, REFUSED, FAILED) \
\
	X(COMPLETE, COMMIT_SENT, COMMITTING) \
	X(COMPLETE, REFUSED, FAILED) \
\
	X(COMMITTING, COMMIT_SENT, COMMITTING) \
	X(COMMITTING, REFUSED, COMMITTING) \
	X(COMMITTING, ABORT_SENT, CLEANING) \
	X(COMMITTING, TOLD, ANSWERED) \
\
	X(CLEANING, TOLD, ANSWERED)

static const uint8_t next[STORE_PUT_STATE_COUNT][STORE_PUT_EVENT_COUNT] = {
#define X_(from, event, to) \
	[STORE_PUT_STATE_##from][STORE_PUT_EV_##event] = 1u + STORE_PUT_STATE_##to,
	TRANSITIONS(X_)
#undef X_
};

#define X_(name) #name,
static const char *const states[] = {STORE_PUT_STATES(X_)};
static const char *const events[] = {STORE_PUT_EVENTS(X_)};
#undef X_

const struct transitions store_put_state_table =
	TRANSITIONS_TABLE("store_put", next, states, events);

bool store_put_state_takes_chunks(enum store_put_state s)
{
	return s == STORE_PUT_STATE_EMPTY || s == STORE_PUT_STATE_SENDING;
}

bool store_put_state_is_open(enum store_put_state s)
{
	return s <= STORE_PUT_STATE_COMPLETE;
}

bool store_put_state_is_decided_by_store(enum store_put_state s)
{
	return s == STORE_PUT_STATE_COMMITTING || s == STORE_PUT_STATE_CLEANING;
}
