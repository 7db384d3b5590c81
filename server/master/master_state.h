/*
 * master_state.h: the states of the master, the events that change them, and the table of
 * transitions. Pure: what is done in a state is in startup.c, shutdown.c and master.c.
 * docs/states/master.svg is the drawing.
 */
#ifndef MASTER_MASTER_STATE_H
#define MASTER_MASTER_STATE_H

#include <stdbool.h>
#include "base/transitions.h"

#define MASTER_STATES(X) \
	/* The processes were started. Not all of them are ready. */ \
	X(STARTING) \
	/* The server takes requests. */ \
	X(RUNNING) \
	/* As RUNNING, but the embedded Redis has ended. Its successor was not checked yet. */ \
	X(RECHECKING) \
	/* Uploads are refused. With an embedded Redis, blobs that it holds can be fetched. */ \
	X(DRAINING) \
	/* The workers were told to finish their requests and end. */ \
	X(ENDING_WORKERS) \
	/* The reaper was told to end. */ \
	X(ENDING_REAPER) \
	/* The recorder was told to end. It writes down first what the others did. */ \
	X(ENDING_RECORDER) \
	/* The embedded Redis, if there is one, was killed. */ \
	X(ENDING_STORE) \
	/* Every process but the logger has ended. */ \
	X(ENDED)

#define MASTER_EVENTS(X) \
	/* every process is ready, and freed memory is overwritten as it must be */ \
	X(READY) \
	/* a process cannot start, or the embedded Redis must not be used as it is */ \
	X(START_FAILED) \
	/* the embedded Redis has ended */ \
	X(STORE_ENDED) \
	/* the embedded Redis was checked, after one before it had ended */ \
	X(STORE_CHECKED) \
	/* SIGTERM or SIGINT: end in order; the next one: end at once */ \
	X(STOP) \
	/* nothing is left to fetch, or the time for it is over */ \
	X(DRAINED) \
	X(WORKERS_ENDED) \
	/* the reaper has ended */ \
	X(REAPER_ENDED) \
	X(RECORDER_ENDED) \
	/* no embedded Redis is left */ \
	X(STORE_GONE)

enum master_state {
#define X_(name) MASTER_##name,
	MASTER_STATES(X_)
#undef X_
		MASTER_STATE_COUNT
};

enum master_event {
#define X_(name) MASTER_EV_##name,
	MASTER_EVENTS(X_)
#undef X_
		MASTER_EVENT_COUNT,
	MASTER_EV_NONE = MASTER_EVENT_COUNT /* of a question: nothing has happened */
};

extern const struct transitions master_state_table;

/** Returns the state after the event. Aborts, with a message on stderr, when the event cannot come
 * in this state. */
static inline enum master_state master_state_next(enum master_state s, enum master_event e)
{
	return (enum master_state)transitions_next(&master_state_table, s, e);
}

/** Returns whether the server starts or serves in this state: then every process that ends is
 * replaced. */
bool master_state_is_up(enum master_state s);

#endif
