/* stream_state.c: the table of transitions. It holds no state and does no work. Runs in every
 * process that has streams. */
#include "net/stream_state.h"

/* X(from, event, to); what is not here cannot happen. */
#define TRANSITIONS(X) \
	X(CONNECTING, CONNECTED, READY) \
	X(CONNECTING, CONNECTED_TLS, HANDSHAKE) \
	X(CONNECTING, FAILED, ENDED) \
	X(CONNECTING, FREE, FREED) \
	X(HANDSHAKE, SECURED, READY) \
	X(HANDSHAKE, FAILED, ENDED) \
	X(HANDSHAKE, FREE, FREED) \
	X(READY, READY_TOLD, OPEN) \
	X(READY, FAILED, ENDED) \
	X(READY, FREE, FREED) \
	X(OPEN, FAILED, ENDED) \
	X(OPEN, FREE, FREED) \
	X(ENDED, FREE, FREED)

static const uint8_t next[STREAM_STATE_COUNT][STREAM_EVENT_COUNT] = {
#define X_(from, event, to) [STREAM_STATE_##from][STREAM_EV_##event] = 1u + STREAM_STATE_##to,
	TRANSITIONS(X_)
#undef X_
};

#define X_(name) #name,
static const char *const states[] = {STREAM_STATES(X_)};
static const char *const events[] = {STREAM_EVENTS(X_)};
#undef X_

const struct transitions stream_state_table = TRANSITIONS_TABLE("stream", next, states, events);
