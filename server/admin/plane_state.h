/*
 * plane_state.h: the states of a connection of the admin plane, and the events that change them.
 * Pure: what is done in a transition is in plane.c. docs/states/plane.svg is the drawing.
 */
#ifndef ADMIN_PLANE_STATE_H
#define ADMIN_PLANE_STATE_H

#include "base/transitions.h"

#define PLANE_STATES(X) \
	/* No byte of the next request is here. */ \
	X(IDLE) \
	/* A head has begun. */ \
	X(HEAD) \
	/* An answer is not all written yet. Another request may follow it. */ \
	X(ANSWER) \
	/* The last answer is written, or is being written. Input is dropped until the client \
	 * closes. */ \
	X(LAST) \
	/* The connection is freed in the same call. */ \
	X(OVER)

#define PLANE_EVENTS(X) \
	/* bytes of a request are here */ \
	X(BYTES) \
	/* a request was answered */ \
	X(ANSWERED) \
	/* a request was answered or refused, and the connection ends with that */ \
	X(LAST_ANSWERED) \
	/* the kernel has all of the answer */ \
	X(SENT) \
	/* the state's time, or the connection's, is over */ \
	X(LATE) \
	/* the connection is broken; or the client has ended its direction and has every answer */ \
	X(GONE) \
	/* it makes room for a newer one, or the plane is freed */ \
	X(EVICTED)

enum plane_state {
#define X_(name) PLANE_##name,
	PLANE_STATES(X_)
#undef X_
		PLANE_STATE_COUNT
};

enum plane_event {
#define X_(name) PLANE_EV_##name,
	PLANE_EVENTS(X_)
#undef X_
		PLANE_EVENT_COUNT
};

extern const struct transitions plane_state_table;

/** Returns the state after the event. Aborts, with a message on stderr, when the event cannot
 * happen in this state. */
static inline enum plane_state plane_state_next(enum plane_state s, enum plane_event e)
{
	return (enum plane_state)transitions_next(&plane_state_table, s, e);
}

#endif
