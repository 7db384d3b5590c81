/*
 * machine.h: the recorder's state machine at work: it takes events, and does what the transition
 * asks for (recorder_state.h says which there are). The process around it is recorder.c.
 */
#ifndef RECORDER_MACHINE_H
#define RECORDER_MACHINE_H

#include "conf/conf.h"
#include "net/loop.h"
#include "recorder/recorder_state.h"
#include "store/types.h"

struct machine;

/** Returns a machine in KEYLESS, for machine_free(); NULL without memory. conf and loop are
 * borrowed, and outlive it. The loop is stopped when the machine has ENDED. */
struct machine *machine_new(const struct conf *conf, struct loop *loop);
/** Frees all but the store: that comes after it. NULL is harmless. */
void machine_free(struct machine *m);
/** Gives it its store connection, borrowed: once, before the first event. */
void machine_set_store(struct machine *m, struct store *s);
/**
 * Handles an event, and all that follow from it at once. Of the caller's are POLL (every
 * 250 ms), STORE_UP, STORE_DOWN and STOP; the others the machine makes itself.
 */
void machine_step(struct machine *m, enum recorder_event e);

#endif
