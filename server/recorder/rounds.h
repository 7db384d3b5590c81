/*
 * rounds.h: records events, in rounds: a round reads events from the outboxes, puts them into the
 * ledger's batch, writes and syncs it, and trims the outboxes. The caller decides whether and when
 * each step is done; events tell it what happened. docs/evidence.md.
 *
 * Between ROUNDS_EVENTS and rounds_write() the caller declares the batch in the store (lease.h).
 */
#ifndef RECORDER_ROUNDS_H
#define RECORDER_ROUNDS_H

#include <stdbool.h>
#include <stdint.h>

#include "net/loop.h"
#include "recorder/ledger.h"

struct rounds;

enum rounds_event {
	ROUNDS_DUE,    /* of rounds_schedule(): it is time for the next read */
	ROUNDS_EVENTS, /* of rounds_read(): the ledger's batch holds the events that were found */
	ROUNDS_EMPTY,  /* of rounds_read(): there was no event */
	ROUNDS_READ_FAILED, /* of rounds_read(): the store refused, or the connection broke */
	ROUNDS_FILE_FAILED, /* of rounds_read(): no memory for the batch; it is dropped */
	ROUNDS_TRIM_FAILED  /* of an earlier rounds_write(); may come at any time */
};

/* err: 0, or why it failed. The rounds may be freed in it. */
typedef void rounds_cb(void *ctx, enum rounds_event e, int err);

struct rounds_opts {
	struct loop *loop; /* borrowed, as what follows: each outlives the rounds */
	struct store *store;
	struct ledger *ledger; /* open */
	rounds_cb *cb;         /* never called before return, nor after rounds_free() */
	void *ctx;
};

/* How a read waits for events, and for other processes. */
enum rounds_mode {
	ROUNDS_WAIT,    /* waits up to 200 ms for the first event */
	ROUNDS_NO_WAIT, /* answers at once */
	ROUNDS_URGENT   /* answers at once, and never yields the processor to other processes */
};

/** Returns rounds that do nothing yet, for rounds_free(); NULL without memory. */
struct rounds *rounds_new(const struct rounds_opts *o);
/** Cancels what is under way, and drops the batch. NULL is harmless. */
void rounds_free(struct rounds *r);

/** Reads the events that follow the ledger's mark; not while a read is under way. A time that
 * rounds_schedule() has set is cancelled. Returns 0, and one of the events comes, or TG_ESTORE. */
int rounds_read(struct rounds *r, enum rounds_mode mode);
/** Makes the read under way ROUNDS_URGENT, but for its wait. */
void rounds_hurry(struct rounds *r);
/** Sets the time of the next read: 20 ms after the last one was sent, 50 ms when that found fewer
 * than 100 events, at once when it found as many as it asked for. */
void rounds_schedule(struct rounds *r);
/** Forgets the events that were read: they are still in the store. */
void rounds_drop(struct rounds *r);
/** Writes and syncs the batch, then sends the trims. Returns 0, or the error of ledger_commit(). */
int rounds_write(struct rounds *r);
/** Returns the time (clock_mono_us()) before which every event was found by the last read; 0: that
 * is not known, for there was more than it asked for. */
uint64_t rounds_complete_us(const struct rounds *r);

#endif
