/*
 * heartbeat.h: signs of life that processes of one server see of each other, in memory that the
 * master maps before it forks. Each process counts up in a slot of its own (those of child.h), from
 * its event loop: who hangs inside a callback, or is stopped, does not. A worker also says whether
 * it accepts connections.
 */
#ifndef BASE_HEARTBEAT_H
#define BASE_HEARTBEAT_H

#include <stdbool.h>
#include <stdint.h>

#define HEARTBEAT_EVERY_MS 250 /* so often a loop beats, and so often others look */

struct heartbeat;

/** heartbeat_new(slots): map it. NULL without memory. */
struct heartbeat *heartbeat_new(unsigned slots);
void heartbeat_free(struct heartbeat *h);
/** heartbeat_attach(h, slot): this process beats there from now on. NULL, as at first: nowhere. */
void heartbeat_attach(struct heartbeat *h, unsigned slot);
void heartbeat_send(void);
/** heartbeat_set_serving(on): this process accepts connections, or has stopped to. */
void heartbeat_set_serving(bool on);
/** heartbeat_count(h, slot): how often it beat; a change is a sign of life. */
uint64_t heartbeat_count(const struct heartbeat *h, unsigned slot);
bool heartbeat_is_serving(const struct heartbeat *h, unsigned slot);
/** heartbeat_slot_clear(h, slot): that process is gone, so it does not serve. For the master. */
void heartbeat_slot_clear(struct heartbeat *h, unsigned slot);

#endif
