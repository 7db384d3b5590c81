/*
 * take_state.c: the table of transitions of a blob's bytes on their way to a reader. It holds no
 * state and does no work. Runs in workers.
 */
#include <stdint.h>

#include "api/take_state.h"
#include "base/transitions.h"

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

bool take_state_allows(enum take_state s, enum take_event e)
{
	return next[s][e] != 0;
}

enum take_state take_state_next(enum take_state s, enum take_event e)
{
	static const struct transitions table = {
		.name = "take",
		.states = states,
		.events = events,
		.n_states = TAKE_STATE_COUNT,
		.n_events = TAKE_EVENT_COUNT,
		.next = &next[0][0],
	};

	return (enum take_state)transitions_next(&table, s, e);
}

bool take_state_has_read(enum take_state s)
{
	return s <= TAKE_WAITING;
}

bool take_state_watches(enum take_state s)
{
	return s >= TAKE_FIRST && s <= TAKE_DELIVERING;
}
