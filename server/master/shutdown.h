/*
 * shutdown.h: ends the server in order: workers, then the reaper, then the recorder, which writes
 * down what they did, then the admin process and the embedded Redis. For master.c.
 */
#ifndef MASTER_SHUTDOWN_H
#define MASTER_SHUTDOWN_H

#include "master/master_int.h"

/* the exit status of a stop that ended live blobs (timeglasd(8)); never with --dev */
#define SHUTDOWN_LIVE_BLOBS 3

/** Does what a state needs once when it begins: sends the signals that end its processes and sets
 * its deadline. m->state: the new one, from DRAINING on. */
void shutdown_enter(struct master *m);
/** For the states from DRAINING on: returns the event that ends the state, or MASTER_EV_NONE. Kills
 * what has not ended by the deadline. To be called every few milliseconds. */
enum master_event shutdown_poll(struct master *m);
/** A second signal asks for a quick end: nothing is waited for any longer, and requests are cut
 * off. */
void shutdown_hurry(struct master *m);

#endif
