/*
 * loop.c: one process's event loop on libevent, with deferred tasks at the end of each turn. It
 * owns no descriptor and knows no stream. Runs in every process but the master.
 */
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <event2/event.h>
#include "base/heartbeat.h"
#include "net/loop.h"

#define LOOP_TIMEOUTS_MAX 32u /* distinct durations; a process uses about ten */

TAILQ_HEAD(task_list, loop_task);

struct loop {
	struct event_base *base;
	struct task_list tasks;
	struct loop_task mark; /* stands behind the last task of this turn while tasks run */
	bool stop;
	struct event *heartbeat;
	unsigned n_timeouts;
	struct {
		unsigned seconds;
		const struct timeval *tv;
	} timeout[LOOP_TIMEOUTS_MAX];
	struct timeval plain; /* what loop_timeout() returns when there is no room in timeout[] */
};

static void on_heartbeat(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd, (void)what, (void)ctx;
	heartbeat_send();
}

struct loop *loop_new(void)
{
	static const struct timeval every = {.tv_usec = HEARTBEAT_EVERY_MS * 1000};
	struct loop *l = calloc(1, sizeof *l);
	struct event_config *cfg = event_config_new();

	if (l && cfg) {
		/* No threads here, so no locks; streams need edge triggers. */
		event_config_set_flag(cfg, EVENT_BASE_FLAG_NOLOCK);
		event_config_require_features(cfg, EV_FEATURE_ET);
		l->base = event_base_new_with_config(cfg);
	}
	if (cfg)
		event_config_free(cfg);
	if (!l || !l->base) {
		free(l);
		return NULL;
	}
	TAILQ_INIT(&l->tasks);
	l->heartbeat = event_new(l->base, -1, EV_PERSIST, on_heartbeat, NULL);
	if (!l->heartbeat || event_add(l->heartbeat, &every) != 0) {
		loop_free(l);
		return NULL;
	}
	/* OpenSSL writes with write(2), which has no MSG_NOSIGNAL. */
	signal(SIGPIPE, SIG_IGN);
	return l;
}

void loop_free(struct loop *l)
{
	if (!l)
		return;
	if (l->heartbeat)
		event_free(l->heartbeat);
	event_base_free(l->base);
	free(l);
}

struct event_base *loop_base(struct loop *l)
{
	return l->base;
}

void loop_defer(struct loop *l, struct loop_task *t)
{
	if (t->queued)
		return;
	t->queued = true;
	TAILQ_INSERT_TAIL(&l->tasks, t, link);
}

void loop_cancel(struct loop *l, struct loop_task *t)
{
	if (!t->queued)
		return;
	t->queued = false;
	TAILQ_REMOVE(&l->tasks, t, link);
}

const struct timeval *loop_timeout(struct loop *l, unsigned seconds)
{
	const struct timeval want = {.tv_sec = (time_t)seconds};

	for (unsigned i = 0; i < l->n_timeouts; i++)
		if (l->timeout[i].seconds == seconds)
			return l->timeout[i].tv;
	if (l->n_timeouts < LOOP_TIMEOUTS_MAX) {
		const struct timeval *tv = event_base_init_common_timeout(l->base, &want);

		if (tv) {
			l->timeout[l->n_timeouts].seconds = seconds;
			l->timeout[l->n_timeouts++].tv = tv;
			return tv;
		}
	}
	l->plain = want;
	return &l->plain;
}

/* A mark separates this turn's tasks from those that they defer, so that a task which defers itself
 * cannot keep the loop from polling. */
static void run_tasks(struct loop *l)
{
	struct loop_task *t;

	TAILQ_INSERT_TAIL(&l->tasks, &l->mark, link);
	while ((t = TAILQ_FIRST(&l->tasks)) != &l->mark) {
		TAILQ_REMOVE(&l->tasks, t, link);
		t->queued = false;
		t->run(t, t->ctx);
	}
	TAILQ_REMOVE(&l->tasks, &l->mark, link);
}

int loop_run(struct loop *l)
{
	l->stop = false;
	while (!l->stop) {
		int flags = EVLOOP_ONCE | EVLOOP_NO_EXIT_ON_EMPTY;

		if (!TAILQ_EMPTY(&l->tasks))
			flags |= EVLOOP_NONBLOCK;
		if (event_base_loop(l->base, flags) < 0)
			return -1;
		if (!TAILQ_EMPTY(&l->tasks))
			run_tasks(l);
	}
	return 0;
}

void loop_stop(struct loop *l)
{
	l->stop = true;
}
