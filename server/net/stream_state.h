/*
 * stream_state.h: the states of a stream, from connect or accept to free, and the events that
 * change them. Pure: what is done in a transition is in stream.c. docs/states/stream.svg is the
 * drawing. Not for others than stream.c and stream_control.c.
 */
#ifndef NET_STREAM_STATE_H
#define NET_STREAM_STATE_H

#include "base/transitions.h"

#define STREAM_STATES(X) \
	/* connect() is under way. */ \
	X(CONNECTING) \
	/* The TLS handshake is under way. */ \
	X(HANDSHAKE) \
	/* Connected, and on_ready is due. */ \
	X(READY) \
	/* Bytes come and go. */ \
	X(OPEN) \
	/* on_end was called, and not for STREAM_EOF. */ \
	X(ENDED) \
	/* stream_free() was called: no callback comes any more. The memory goes when the callback \
	 * that runs has returned. */ \
	X(FREED)

#define STREAM_EVENTS(X) \
	/* connect() has succeeded, and there is no TLS */ \
	X(CONNECTED) \
	/* connect() has succeeded, and a handshake follows */ \
	X(CONNECTED_TLS) \
	/* the handshake is complete */ \
	X(SECURED) \
	/* on_ready is called */ \
	X(READY_TOLD) \
	/* broken, late, or the peer breaks the rules of TLS */ \
	X(FAILED) \
	/* the owner frees it */ \
	X(FREE)

enum stream_state {
#define X_(name) STREAM_STATE_##name,
	STREAM_STATES(X_)
#undef X_
		STREAM_STATE_COUNT
};

enum stream_event {
#define X_(name) STREAM_EV_##name,
	STREAM_EVENTS(X_)
#undef X_
		STREAM_EVENT_COUNT
};

extern const struct transitions stream_state_table;

/** Returns the state after the event. Aborts, with a message on stderr, when the event cannot
 * happen in this state. */
static inline enum stream_state stream_state_next(enum stream_state s, enum stream_event e)
{
	return (enum stream_state)transitions_next(&stream_state_table, s, e);
}

#endif
