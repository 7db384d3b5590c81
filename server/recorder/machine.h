/*
 * machine.h: the recorder's state machine. It takes events, makes the transition
 * (recorder_state.h), and has the work done that belongs to the new state (work.h). recorder.c is
 * the process around it.
 */
#ifndef RECORDER_MACHINE_H
#define RECORDER_MACHINE_H

#include "conf/conf.h"
#include "net/loop.h"
#include "recorder/recorder_state.h"
#include "store/types.h"

struct machine;
struct prover_view;

/** Returns a machine in KEYLESS, for machine_free(); NULL without memory. conf and loop are
 * borrowed, and outlive it. In ENDED the machine stops the loop. */
struct machine *machine_new(const struct conf *conf, struct loop *loop);
/** Frees the machine, before its store is freed. NULL is harmless. */
void machine_free(struct machine *m);
/** Gives it its store connection, which is borrowed. To be called once, before the first event. */
void machine_set_store(struct machine *m, struct store *s);
/** Says that the connection is a new one, before STORE_UP. */
void machine_connected(struct machine *m, struct store *s);
/** Says what the recorder knows of its own work. */
void machine_view(const struct machine *m, struct prover_view *out);
/**
 * Handles an event, and all that follow from it at once. The caller sends POLL (every 250 ms),
 * STORE_UP, STORE_DOWN and STOP; the machine makes the others itself.
 */
void machine_step(struct machine *m, enum recorder_event e);

#endif
