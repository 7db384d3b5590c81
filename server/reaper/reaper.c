/*
 * reaper.c: erases what is due. Each shard is asked at its own next deadline and, because a nearer one may have come since, all shards once a
 * second. It decides nothing: which entries are due, and what their end is, is functions.lua's (reap). The reaper process; one store connection.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <timeglas/errors.h>
#include "base/clock.h"
#include "base/log.h"
#include "conf/conf.h"
#include "net/loop.h"
#include "reaper/reaper.h"
#include "store/store.h"

#define BATCH 64u        /* index entries per call: what one call may take of Redis's time stays a few ms */
#define SWEEP_US 1000000u
#define SOON_US 500u     /* timers are not more exact than that; an early question would have to be asked again */

struct shard {
	bool asked;          /* a call is under way */
	uint64_t next_us;    /* clock_mono_us() of its next deadline, as far as known; 0: none */
	unsigned overdue;
};

struct reaper {
	struct loop *loop;
	struct store *store;
	struct event *timer, *term;
	struct shard shard[TOKEN_SHARDS];
	uint64_t sweep_us;   /* the next sweep */
};

static void on_reaped(void *ctx, unsigned shard, int err, const struct store_reaped *r);

static void ask(struct reaper *x, unsigned shard)
{
	if (!x->shard[shard].asked && store_reap(x->store, shard, BATCH, on_reaped, x) == 0)
		x->shard[shard].asked = true;
}

/* Sleeps until the nearest deadline, the next sweep at the latest. */
static void set_timer(struct reaper *x)
{
	uint64_t now = clock_mono_us(), at = x->sweep_us;
	struct timeval wait;

	for (unsigned i = 0; i < TOKEN_SHARDS; i++)
		if (!x->shard[i].asked && x->shard[i].next_us != 0 && x->shard[i].next_us < at)
			at = x->shard[i].next_us;
	at = at > now ? at - now : 0;
	wait.tv_sec = (time_t)(at / 1000000);
	wait.tv_usec = (suseconds_t)(at % 1000000);
	event_add(x->timer, &wait);
}

static void count(const struct store_reaped *r)
{
	metrics_count(M_EXPIRED, r->expired);
	metrics_count(M_SESSION_ENDED, r->session_ended);
	metrics_count(M_LEASE_EXPIRED, r->lease_expired);
	metrics_count(M_ABORTED, r->aborted);
	metrics_count(M_TAKEN, r->consumed);
	for (unsigned i = 0; i < r->n_lateness; i++)
		metrics_observe_us(H_LATENESS_US, r->lateness_us[i]);
}

static void on_reaped(void *ctx, unsigned shard, int err, const struct store_reaped *r)
{
	struct reaper *x = ctx;
	struct shard *s = &x->shard[shard];
	int64_t overdue = 0;

	s->asked = false;
	s->next_us = 0;
	if (err != 0) { /* the next sweep asks again */
		if (err != TG_ESTORE)
			log_error("reap", "%s", tg_strerror(err));
		return;
	}
	count(r);
	s->overdue = r->overdue;
	for (unsigned i = 0; i < TOKEN_SHARDS; i++)
		overdue += x->shard[i].overdue;
	metrics_gauge_set(G_OVERDUE, overdue);
	if (r->more) {
		ask(x, shard);
		return;
	}
	if (r->next_ms > 0)
		s->next_us = clock_mono_us() + (uint64_t)(r->next_ms - r->now_ms) * 1000 + SOON_US;
	set_timer(x);
}

static void on_timer(evutil_socket_t fd, short what, void *ctx)
{
	struct reaper *x = ctx;
	uint64_t now = clock_mono_us();
	bool sweep = now >= x->sweep_us;

	(void)fd;
	(void)what;
	if (sweep)
		x->sweep_us = now + SWEEP_US;
	for (unsigned i = 0; i < TOKEN_SHARDS; i++) {
		if (!sweep && (x->shard[i].next_us == 0 || x->shard[i].next_us > now))
			continue;
		x->shard[i].next_us = 0; /* asked now, or, without a store, by a later sweep: never a busy timer */
		ask(x, i);
	}
	set_timer(x);
}

static void on_up(struct store *s, void *ctx)
{
	struct reaper *x = ctx;

	(void)s;
	x->sweep_us = 0; /* what fell due while the store was away goes at once */
	set_timer(x);
}

static void on_term(evutil_socket_t fd, short what, void *ctx)
{
	struct reaper *x = ctx;

	(void)fd;
	(void)what;
	loop_stop(x->loop);
}

static void reaper_free(struct reaper *x)
{
	store_free(x->store);
	if (x->timer != NULL)
		event_free(x->timer);
	if (x->term != NULL)
		event_free(x->term);
	loop_free(x->loop);
	free(x);
}

static struct reaper *reaper_new(const char *url, char *err, size_t cap)
{
	static const struct store_calls calls = {.on_up = on_up};
	struct reaper *x = calloc(1, sizeof *x);

	if (x == NULL)
		return NULL;
	x->loop = loop_new();
	if (x->loop == NULL) {
		free(x);
		return NULL;
	}
	x->timer = event_new(loop_base(x->loop), -1, 0, on_timer, x);
	x->term = evsignal_new(loop_base(x->loop), SIGTERM, on_term, x);
	if (x->timer != NULL && x->term != NULL && event_add(x->term, NULL) == 0)
		x->store = store_new(x->loop, url, &calls, x, err, cap);
	if (x->store == NULL) {
		reaper_free(x);
		return NULL;
	}
	set_timer(x);
	return x;
}

int reaper_main(const struct child_env *env)
{
	char err[256] = "out of memory";
	struct reaper *x;
	int rc;

	signal(SIGHUP, SIG_IGN); /* nothing here is configured but the store, and that is the master's */
	signal(SIGINT, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	metrics_attach(env->metrics, env->metrics_slot);
	x = reaper_new(env->store_url, err, sizeof err);
	if (x == NULL) {
		log_error("reaper_start", "%s", err);
		return 1;
	}
	rc = loop_run(x->loop);
	reaper_free(x);
	return rc == 0 ? 0 : 1;
}
