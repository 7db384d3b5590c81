/*
 * master_state.c: the table of transitions of the master. It holds no state and does no work. A
 * pair of state and event that is not in the table cannot happen: who meets one has found a fault
 * in the program.
 */
#include "master/master_state.h"

/* X(from, event, to). Where `to` is `from`, the event is expected there and does not change the
 * state. ENDED has no lines: nothing may come after it. */
#define TRANSITIONS(X) \
	X(STARTING, READY, RUNNING) \
	X(STARTING, START_FAILED, ENDING_WORKERS) \
	X(STARTING, STORE_ENDED, STARTING) \
	X(STARTING, STOP, DRAINING) \
\
	X(RUNNING, STORE_ENDED, RECHECKING) \
	X(RUNNING, STOP, DRAINING) \
\
	X(RECHECKING, STORE_CHECKED, RUNNING) \
	X(RECHECKING, STORE_ENDED, RECHECKING) \
	X(RECHECKING, STOP, DRAINING) \
\
	X(DRAINING, DRAINED, ENDING_WORKERS) \
	X(DRAINING, STORE_ENDED, DRAINING) \
	X(DRAINING, STOP, ENDING_WORKERS) \
\
	X(ENDING_WORKERS, WORKERS_ENDED, ENDING_REAPER) \
	X(ENDING_WORKERS, STORE_ENDED, ENDING_WORKERS) \
	X(ENDING_WORKERS, STOP, ENDING_WORKERS) \
\
	X(ENDING_REAPER, REAPER_ENDED, ENDING_RECORDER) \
	X(ENDING_REAPER, STORE_ENDED, ENDING_REAPER) \
	X(ENDING_REAPER, STOP, ENDING_REAPER) \
\
	X(ENDING_RECORDER, RECORDER_ENDED, ENDING_STORE) \
	X(ENDING_RECORDER, STORE_ENDED, ENDING_RECORDER) \
	X(ENDING_RECORDER, STOP, ENDING_RECORDER) \
\
	X(ENDING_STORE, STORE_GONE, ENDED) \
	X(ENDING_STORE, STORE_ENDED, ENDING_STORE) \
	X(ENDING_STORE, STOP, ENDING_STORE)

static const uint8_t next[MASTER_STATE_COUNT][MASTER_EVENT_COUNT] = {
#define X_(from, event, to) [MASTER_##from][MASTER_EV_##event] = 1u + MASTER_##to,
	TRANSITIONS(X_)
#undef X_
};

#define X_(name) #name,
static const char *const states[] = {MASTER_STATES(X_)};
static const char *const events[] = {MASTER_EVENTS(X_)};
#undef X_

const struct transitions master_state_table = TRANSITIONS_TABLE("master", next, states, events);

bool master_state_is_up(enum master_state s)
{
	return s == MASTER_STARTING || s == MASTER_RUNNING || s == MASTER_RECHECKING;
}
