/*
 * child_state.c: the table of transitions of a child process. It holds no state and does no work. A
 * pair of state and event that is not in the table cannot happen: who meets one has found a fault
 * in the program. Runs in the master.
 */
#include "master/child_state.h"

/* X(from, event, to). Where `to` is `from`, the event is expected there and does not change the
 * state. A child whose main sends no heartbeat (the logger may wait for whoever reads the log; the
 * embedded Redis is no program of ours) stays STARTED. */
#define TRANSITIONS(X) \
	X(ABSENT, FORKED, STARTED) \
	X(ABSENT, FORK_FAILED, PAUSED) \
\
	X(PAUSED, FORKED, STARTED) \
	X(PAUSED, FORK_FAILED, PAUSED) \
	X(PAUSED, RESTART_CANCELLED, ABSENT) \
\
	X(STARTED, HEARTBEAT, ALIVE) \
	X(STARTED, DRAIN_SENT, DRAINING) \
	X(STARTED, ENDED, PAUSED) \
	X(STARTED, ENDED_FOR_GOOD, ABSENT) \
\
	X(ALIVE, HEARTBEAT, ALIVE) \
	X(ALIVE, DRAIN_SENT, DRAINING) \
	X(ALIVE, ENDED, PAUSED) \
	X(ALIVE, ENDED_FOR_GOOD, ABSENT) \
\
	X(DRAINING, HEARTBEAT, DRAINING) \
	X(DRAINING, ENDED, PAUSED) \
	X(DRAINING, ENDED_FOR_GOOD, ABSENT)

static const uint8_t next[CHILD_STATE_COUNT][CHILD_EVENT_COUNT] = {
#define X_(from, event, to) [CHILD_STATE_##from][CHILD_EV_##event] = 1u + CHILD_STATE_##to,
	TRANSITIONS(X_)
#undef X_
};

#define X_(name) #name,
static const char *const states[] = {CHILD_STATES(X_)};
static const char *const events[] = {CHILD_EVENTS(X_)};
#undef X_

const struct transitions child_state_table = TRANSITIONS_TABLE("child", next, states, events);

bool child_state_has_process(enum child_state s)
{
	return s >= CHILD_STATE_STARTED;
}
