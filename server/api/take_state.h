/*
 * take_state.h: the states of a blob's bytes on their way to a reader (a take's, or a claimant's),
 * the events that change them, and the table of transitions. Pure: what is done in a transition is
 * in take.c. docs/states/take.svg is the drawing.
 */
#ifndef API_TAKE_STATE_H
#define API_TAKE_STATE_H

#include <stdbool.h>
#include "base/transitions.h"

#define TAKE_STATES(X) \
	/* The store is asked whether this peer may read the blob. */ \
	X(OPENING) \
	/* The first chunk is on its way from the store. The answer's head waits for it: an error \
	 * can still be answered. */ \
	X(FIRST) \
	/* A further chunk is on its way from the store. */ \
	X(READING) \
	/* The connection has no room for another chunk: the client reads slowly. */ \
	X(WAITING) \
	/* All that was asked for was read and given to http. The client's kernel has not \
	 * acknowledged all of it. */ \
	X(DELIVERING) \
	/* A problem was answered, or a head alone. No byte of the blob is on its way. */ \
	X(ANSWERED) \
	/* The connection is being reset. No further byte of the blob reaches the client. */ \
	X(RESET) \
	/* The request is over. */ \
	X(ENDED)

#define TAKE_EVENTS(X) \
	/* the store: the blob may be read */ \
	X(OPENED) \
	/* the same, but only the head was asked for: it was given */ \
	X(HEAD_GIVEN) \
	/* the store, or we, refuse the request while it can be answered with a problem */ \
	X(REFUSED) \
	/* the store: a chunk, which was given to http; more follow */ \
	X(CHUNK) \
	/* the store: the last chunk, which was given to http */ \
	X(LAST) \
	/* the connection has room for another chunk */ \
	X(ROOM) \
	/* the store: reading broke off, and the answer has begun */ \
	X(BROKEN) \
	/* the blob has ended, its time is over, or that is not known: it is not delivered further \
	 */ \
	X(REVOKED) \
	/* http: the request is over */ \
	X(GONE)

enum take_state {
#define X_(name) TAKE_##name,
	TAKE_STATES(X_)
#undef X_
		TAKE_STATE_COUNT
};

enum take_event {
#define X_(name) TAKE_EV_##name,
	TAKE_EVENTS(X_)
#undef X_
		TAKE_EVENT_COUNT
};

extern const struct transitions take_state_table;

/** Returns the state after the event. Aborts, with a message on stderr, when the event may not come
 * in this state. */
static inline enum take_state take_state_next(enum take_state s, enum take_event e)
{
	return (enum take_state)transitions_next(&take_state_table, s, e);
}

/** Returns whether there is a store_read in this state. */
bool take_state_has_read(enum take_state s);
/** Returns whether the blob is watched in this state: its end revokes what was not delivered. */
bool take_state_watches(enum take_state s);

#endif
