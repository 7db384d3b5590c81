/*
 * take_state.c: the table of transitions of a blob's bytes on their way to a reader. It holds no
 * state and does no work. Runs in workers.
 */
#include "api/take_state.h"

/* X(from, event, to). Where `to` is `from`, the event is expected there and does not change the
 * state. A pair that is not here cannot happen. ENDED has no lines: nothing may come after it. */
#define TRANSITIONS(X) \
	X(OPENING, OPENED, FIRST) \
	X(OPENING, HEAD_GIVEN, ANSWERED) \
	X(OPENING, REFUSED, ANSWERED) \
	X(OPENING, GONE, ENDED) \
\
	X(FIRST, CHUNK, WAITING) \
	X(FIRST, LAST, DELIVERING) \
	X(FIRST, REFUSED, ANSWERED) \
	X(FIRST, REVOKED, RESET) \
	X(FIRST, GONE, ENDED) \
\
	X(READING, CHUNK, WAITING) \
	X(READING, LAST, DELIVERING) \
	X(READING, ROOM, READING) \
	X(READING, BROKEN, RESET) \
	X(READING, REVOKED, RESET) \
	X(READING, GONE, ENDED) \
\
	X(WAITING, ROOM, READING) \
	X(WAITING, REVOKED, RESET) \
	X(WAITING, GONE, ENDED) \
\
	/* There is room without an end of the answer when the store gave too few bytes. */ \
	X(DELIVERING, ROOM, DELIVERING) \
	X(DELIVERING, REVOKED, RESET) \
	X(DELIVERING, GONE, ENDED) \
\
	X(ANSWERED, GONE, ENDED) \
\
	X(RESET, GONE, ENDED)

static const uint8_t next[TAKE_STATE_COUNT][TAKE_EVENT_COUNT] = {
#define X_(from, event, to) [TAKE_##from][TAKE_EV_##event] = 1u + TAKE_##to,
	TRANSITIONS(X_)
#undef X_
};

#define X_(name) #name,
static const char *const states[] = {TAKE_STATES(X_)};
static const char *const events[] = {TAKE_EVENTS(X_)};
#undef X_

const struct transitions take_state_table = TRANSITIONS_TABLE("take", next, states, events);

bool take_state_has_read(enum take_state s)
{
	return s <= TAKE_WAITING;
}

bool take_state_watches(enum take_state s)
{
	return s >= TAKE_FIRST && s <= TAKE_DELIVERING;
}
