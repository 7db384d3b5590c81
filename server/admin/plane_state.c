/* plane_state.c: the table of transitions. It holds no state and does no work. Runs in the admin
 * process. */
#include "admin/plane_state.h"

/* X(from, event, to); what is not here cannot happen. */
#define TRANSITIONS(X) \
	X(IDLE, BYTES, HEAD) \
	X(IDLE, LATE, OVER) \
	X(IDLE, GONE, OVER) \
	X(IDLE, EVICTED, OVER) \
	X(HEAD, ANSWERED, ANSWER) \
	X(HEAD, LAST_ANSWERED, LAST) \
	X(HEAD, LATE, OVER) \
	X(HEAD, GONE, OVER) \
	X(HEAD, EVICTED, OVER) \
	X(ANSWER, SENT, IDLE) \
	X(ANSWER, LATE, OVER) \
	X(ANSWER, GONE, OVER) \
	X(ANSWER, EVICTED, OVER) \
	X(LAST, LATE, OVER) \
	X(LAST, GONE, OVER) \
	X(LAST, EVICTED, OVER)

static const uint8_t next[PLANE_STATE_COUNT][PLANE_EVENT_COUNT] = {
#define X_(from, event, to) [PLANE_##from][PLANE_EV_##event] = 1u + PLANE_##to,
	TRANSITIONS(X_)
#undef X_
};

#define X_(name) #name,
static const char *const states[] = {PLANE_STATES(X_)};
static const char *const events[] = {PLANE_EVENTS(X_)};
#undef X_

const struct transitions plane_state_table =
	TRANSITIONS_TABLE("admin connection", next, states, events);
