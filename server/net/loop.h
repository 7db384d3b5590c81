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
	bool queued;
	TAILQ_ENTRY(loop_task) link;
};

/** loop_new(): for loop_free(); NULL without memory. The process ignores SIGPIPE from now on. */
struct loop *loop_new(void);
/** loop_free(l): no event and no task of it is left. NULL is fine. */
void loop_free(struct loop *l);
/** loop_base(l): for events; it stays the loop's. */
struct event_base *loop_base(struct loop *l);
/** loop_defer(l, t): runs t at the end of this turn; harmless when it is queued already. t stays
 * where it is until it has run or loop_cancel() was called. */
void loop_defer(struct loop *l, struct loop_task *t);
/** loop_cancel(l, t): it will not run. */
void loop_cancel(struct loop *l, struct loop_task *t);
/** loop_timeout(l, seconds): libevent's common timeout for that duration, for event_add():
 * thousands of equal timers cost O(1) each. Valid until the next call. */
const struct timeval *loop_timeout(struct loop *l, unsigned seconds);
/** loop_run(l): until loop_stop(). Returns 0, or -1 when polling failed. */
int loop_run(struct loop *l);
/** loop_stop(l): loop_run() returns behind this turn. */
void loop_stop(struct loop *l);

#endif
