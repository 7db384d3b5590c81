/*
 * loop.h: one process's event loop. A turn is: poll, all callbacks, then every task that was
 * deferred during the turn, once (that is where streams flush: one write for everything a turn
 * produced). Tasks run in the order in which they were deferred; one that is deferred while tasks
 * run is run in the next turn, which then does not sleep. While it runs, a loop counts heartbeats
 * (base/heartbeat.h).
 */
#ifndef NET_LOOP_H
#define NET_LOOP_H

#include <stdbool.h>
#include <sys/queue.h>
#include <event2/event.h>

struct loop;

struct loop_task { /* embedded in its owner's struct, zeroed before first use */
	void (*run)(struct loop_task *t, void *ctx);
	void *ctx;
	bool queued; /* from loop_defer() until it runs; others only read it */
	TAILQ_ENTRY(loop_task) link;
};

/** Returns a loop, for loop_free(); NULL without memory. The process ignores SIGPIPE from now on.
 */
struct loop *loop_new(void);
/** Frees the loop, when no event and no task of it is left. NULL is harmless. */
void loop_free(struct loop *l);
/** Returns libevent's base, for events of the caller; it stays the loop's. */
struct event_base *loop_base(struct loop *l);
/** Queues a task for the end of this turn. Does nothing when it is queued already. t is borrowed
 * until it runs or loop_cancel() is called. */
void loop_defer(struct loop *l, struct loop_task *t);
/** Takes a task out of the queue. Does nothing when it is not queued. */
void loop_cancel(struct loop *l, struct loop_task *t);
/** Returns libevent's common timeout for that duration, for event_add(): thousands of equal timers
 * cost O(1) each. Valid until the next call. */
const struct timeval *loop_timeout(struct loop *l, unsigned seconds);
/** Runs turns until loop_stop(). Returns 0, or -1 when polling failed. */
int loop_run(struct loop *l);
/** Makes loop_run() return at the end of this turn. */
void loop_stop(struct loop *l);

#endif
