/*
 * loop.h: one process's event loop. A turn is: poll, all callbacks, then every task that was
 * deferred during the turn, once (that is where streams flush: one write for everything a turn
 * produced). Tasks run in FIFO order; one deferred while tasks run is run in the next turn, which
 * then does not sleep. A loop beats (base/heartbeat.h) while it runs.
 */
#ifndef NET_LOOP_H
#define NET_LOOP_H

#include <stdbool.h>
#include <sys/queue.h>
#include <event2/event.h>

struct loop;

struct loop_task { /* embed it; zeroed before first use */
	void (*run)(struct loop_task *t, void *ctx);
	void *ctx;
	bool queued;
	TAILQ_ENTRY(loop_task) link;
};

struct loop *loop_new(void);
void loop_free(struct loop *l);
struct event_base *loop_base(struct loop *l);
/** loop_defer(l, t): run t at the end of this turn; a no-op when it is queued already. */
void loop_defer(struct loop *l, struct loop_task *t);
/** loop_cancel(l, t): it will not run. */
void loop_cancel(struct loop *l, struct loop_task *t);
/** loop_timeout(l, seconds): libevent's common timeout for that duration: thousands of equal timers
 * cost O(1) each. */
const struct timeval *loop_timeout(struct loop *l, unsigned seconds);
/** loop_run(l): until loop_stop(). Returns 0, or -1 when polling failed. */
int loop_run(struct loop *l);
void loop_stop(struct loop *l);

#endif
