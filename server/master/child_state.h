/*
 * child_state.h: the states of one child process of the master, the events that change them, and
 * the table of transitions. Pure: what is done in a transition is in supervise.c.
 * docs/states/child.svg is the drawing.
 */
#ifndef MASTER_CHILD_STATE_H
#define MASTER_CHILD_STATE_H

#include <stdbool.h>
#include "base/transitions.h"

#define CHILD_STATES(X) \
	/* There is no process, and none is planned. */ \
	X(ABSENT) \
	/* The process has ended, or could not be started. The next start is planned. */ \
	X(PAUSED) \
	/* The process runs. It has sent no heartbeat yet. */ \
	X(STARTED) \
	/* The process sends heartbeats. */ \
	X(ALIVE) \
	/* A worker that was told to refuse uploads. */ \
	X(DRAINING)

#define CHILD_EVENTS(X) \
	X(FORKED) \
	/* the kernel has no process for it now */ \
	X(FORK_FAILED) \
	X(HEARTBEAT) \
	/* the signal that begins the draining was sent */ \
	X(DRAIN_SENT) \
	/* the process has ended, and is started again after a pause */ \
	X(ENDED) \
	/* the process has ended, and is not replaced */ \
	X(ENDED_FOR_GOOD) \
	/* the server ends: a planned start is given up */ \
	X(RESTART_CANCELLED)

enum child_state {
#define X_(name) CHILD_STATE_##name,
	CHILD_STATES(X_)
#undef X_
		CHILD_STATE_COUNT
};

enum child_event {
#define X_(name) CHILD_EV_##name,
	CHILD_EVENTS(X_)
#undef X_
		CHILD_EVENT_COUNT
};

extern const struct transitions child_state_table;

/** Returns the state after the event. Aborts, with a message on stderr, when the event cannot come
 * in this state. */
static inline enum child_state child_state_next(enum child_state s, enum child_event e)
{
	return (enum child_state)transitions_next(&child_state_table, s, e);
}

/** Returns whether there is a process in this state. */
bool child_state_has_process(enum child_state s);

#endif
