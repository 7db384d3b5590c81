/*
 * heartbeat.h: signs of life that the processes of one server see of each other, in memory that the
 * master maps before it forks. Each process counts up in a slot of its own (CHILD_SLOT_… in
 * child.h) from its event loop. One that hangs inside a callback, or is stopped, does not count. A
 * worker also says whether it accepts connections.
 */
#ifndef BASE_HEARTBEAT_H
#define BASE_HEARTBEAT_H

#include <stdbool.h>
#include <stdint.h>

/* How often a loop sends a heartbeat, and how often others check. */
#define HEARTBEAT_EVERY_MS 250

struct heartbeat;

/** Maps memory for so many processes. NULL without memory. */
struct heartbeat *heartbeat_new(unsigned slots);
/** Unmaps it in this process, which then sends no heartbeats. NULL is harmless. */
void heartbeat_free(struct heartbeat *h);
/** Lets this process count up in that slot from now on. h NULL, as at first: nowhere. */
void heartbeat_attach(struct heartbeat *h, unsigned slot);
/** Counts up. Harmless in a process that is not attached. */
void heartbeat_send(void);
/** Says whether this process accepts connections. Harmless in one that is not attached. */
void heartbeat_set_serving(bool on);
/** Returns the number of heartbeats of a slot, 0 for one that is not there. It goes on when a
 * process is replaced. */
uint64_t heartbeat_count(const struct heartbeat *h, unsigned slot);
/** Returns whether the process of that slot accepts connections. */
bool heartbeat_is_serving(const struct heartbeat *h, unsigned slot);
/** To be called by the master when the process of that slot has ended: it serves no more. */
void heartbeat_slot_clear(struct heartbeat *h, unsigned slot);

#endif
