/*
 * recorder_state.h: the states of the recorder, the events that change them, and the table of
 * transitions. Pure: what is done in a transition is in machine.c. docs/states/recorder.svg is
 * the drawing.
 */
#ifndef RECORDER_RECORDER_STATE_H
#define RECORDER_RECORDER_STATE_H

#include <stdbool.h>
#include "base/transitions.h"

#define RECORDER_STATES(X) \
	/* The signing key cannot be used. Every poll tries to open it. */ \
	X(KEYLESS) \
	/* The key is open. There is no connection to the store. */ \
	X(DISCONNECTED) \
	/* Asks for the lease: another recorder may have it, or the file cannot be written. */ \
	X(SEEKING) \
	/* The file could not be written for a while. The lease is being given up. */ \
	X(YIELDING) \
	/* The lease was given up. For a second the other recorders alone ask for it. */ \
	X(PAUSED) \
	/* The lease is ours. The store is compared with the file (reconcile.h). */ \
	X(COMPARING) \
	/* Store and file agree. The next round is due soon. */ \
	X(READY) \
	/* A round: the outboxes are being read. */ \
	X(READING) \
	/* A round: its events are declared in the store, then written to the file and synced. */ \
	X(WRITING) \
	/* As READING and WRITING, after SIGTERM: rounds follow each other until one is empty. */ \
	X(LAST_READING) \
	X(LAST_WRITING) \
	/* The last checkpoint is written. The call that ends our lease is under way. */ \
	X(RELEASING) \
	/* The loop was told to stop. Every further event is dropped. */ \
	X(ENDED)

#define RECORDER_EVENTS(X) \
	/* 250 ms have passed */ \
	X(POLL) \
	/* the signing key is open */ \
	X(KEY_OPENED) \
	X(STORE_UP) \
	X(STORE_DOWN) \
	/* the lease is ours, and the store says what it was told last */ \
	X(LEASE_OURS) \
	/* the same; and all events of the round are declared */ \
	X(BATCH_DECLARED) \
	/* another recorder has the lease */ \
	X(LEASE_ELSEWHERE) \
	/* the lease call failed, or was answered too late */ \
	X(LEASE_LOST) \
	/* the lease is ours, but the store has forgotten what it was told: it was flushed */ \
	X(STORE_CHANGED) \
	/* the file could not be written for three seconds, and the lease is ours */ \
	X(YIELD_DUE) \
	X(LEASE_YIELDED) \
	X(PAUSE_OVER) \
	/* the store agrees with the file */ \
	X(SETTLED) \
	/* the entries that were compared are trimmed; there are more */ \
	X(COMPARE_AGAIN) \
	/* the store did not do, or not allow, what the comparison needs */ \
	X(COMPARE_FAILED) \
	/* a call on the file failed, and that was announced */ \
	X(FILE_FAILED) \
	/* it is time to read the next events, and nothing forbids it */ \
	X(ROUND_DUE) \
	/* the round found events */ \
	X(ROUND_EVENTS) \
	/* the round found no event: everything is recorded */ \
	X(ROUND_EMPTY) \
	/* the round cannot be written now, or could not begin; its events are still in the store \
	 */ \
	X(ROUND_DROPPED) \
	/* the store did not answer the read */ \
	X(ROUND_FAILED) \
	/* the round's lines are in the file and synced */ \
	X(WRITTEN) \
	/* the store does not trim what was recorded */ \
	X(TRIM_FAILED) \
	/* SIGTERM */ \
	X(STOP) \
	/* a while after SIGTERM */ \
	X(STOP_DEADLINE) \
	X(LEASE_RELEASED)

enum recorder_state {
#define X_(name) RECORDER_##name,
	RECORDER_STATES(X_)
#undef X_
		RECORDER_STATE_COUNT
};

enum recorder_event {
#define X_(name) RECORDER_EV_##name,
	RECORDER_EVENTS(X_)
#undef X_
		RECORDER_EVENT_COUNT,
	RECORDER_EV_NONE = RECORDER_EVENT_COUNT /* of an action: nothing follows at once */
};

extern const struct transitions recorder_state_table;

/** Returns the state after the event. Aborts, with a message on stderr, when the event cannot
 * happen in this state. */
static inline enum recorder_state recorder_state_next(enum recorder_state s, enum recorder_event e)
{
	return s == RECORDER_ENDED ?
		s :
		(enum recorder_state)transitions_next(&recorder_state_table, s, e);
}

/** Returns whether the store agrees with the file in this state, so that events may be read and
 * written. */
bool recorder_state_is_settled(enum recorder_state s);

#endif
