/*
 * reaper.c: see reaper.h. The store decides which entries are due and how they end
 * (functions/reap.lua).
 *
 * A shard's next deadline is known from its last answer, or from a message of the store. All shards
 * are asked once a second in case a message was lost. The number of calls under way is limited
 * (pace.h), and shards take turns: however much falls due at once, other clients of the store wait
 * for milliseconds. A call to a distant store is sent so early that it arrives at the deadline.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <timeglas/errors.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/log.h"
#include "conf/conf.h"
#include "core/bug.h"
#include "net/loop.h"
#include "reaper/attestor.h"
#include "reaper/pace.h"
#include "reaper/reaper.h"
#include "reaper/timekeeper.h"
#include "store/store.h"
#include "store/store_reap.h"
#include "store/store_subscription.h"

#define SWEEP_US 1000000u
#define STEP_MS 10   /* smaller steps of the store's clock are not logged */
#define JUMP_MS 1000 /* a store's clock that is so far ahead of what was expected was set */

/* What a shard waits for. */
enum want {
	WANT_NOTHING,
	WANT_SWEPT, /* a call of the sweep, which asks all shards once a second */
	WANT_DUE    /* a call at once: something is due in it, or may be */
};

struct shard {
	enum { QUIET, ASKED } call; /* ASKED: it is under way; the shard may want the next one */
	enum want want;
	/* clock_mono_us() at which to send the call for its next known deadline; 0: none */
	uint64_t next_us;
	uint64_t asked_us;
	unsigned entries; /* that the call under way may end */
	unsigned overdue; /* index entries, as of its last answer */
};

struct reaper {
	struct loop *loop;
	struct store *store;
	struct store_subscription *subscription;
	struct attestor *attestor;
	struct timekeeper time;
	int timer_fd;
	struct event *timer, *term;
	struct shard shard[TOKEN_SHARDS];
	struct pace pace;  /* of the calls under way */
	unsigned turn;     /* the shard that comes first when calls may be sent */
	uint64_t sweep_us; /* when all shards are asked next */
	/* how far the store's clock was behind the store's time (docs/store.md), when last logged
	 */
	int64_t back_ms;
};

static void on_reaped(void *ctx, unsigned shard, int err, const struct store_reaped *r);

/* Sets the timer to the nearest deadline, or the next sweep. It is a descriptor because the loop's
 * own timers are exact to some milliseconds only. */
static void set_timer(struct reaper *x)
{
	uint64_t at = x->sweep_us;
	struct itimerspec when = {{0, 0}, {0, 0}};

	for (unsigned i = 0; i < TOKEN_SHARDS; i++) {
		const struct shard *s = &x->shard[i];
		if (s->call == QUIET && s->want == WANT_NOTHING && s->next_us != 0 &&
			s->next_us < at)
			at = s->next_us;
	}
	when.it_value.tv_sec = (time_t)(at / 1000000);
	when.it_value.tv_nsec = (long)(at % 1000000) * 1000 + 1; /* a zero would turn it off */
	if (timerfd_settime(x->timer_fd, TFD_TIMER_ABSTIME, &when, NULL) != 0)
		tg_bug("reaper", "its timer cannot be set");
}

/* Finds the next shard, in turn, that waits for that. Returns false when none does. */
static bool pick(struct reaper *x, enum want want, unsigned *shard)
{
	for (unsigned i = 0; i < TOKEN_SHARDS; i++) {
		unsigned at = (x->turn + i) % TOKEN_SHARDS;
		if (x->shard[at].call == ASKED || x->shard[at].want != want)
			continue;
		x->turn = (at + 1) % TOKEN_SHARDS;
		*shard = at;
		return true;
	}
	return false;
}

/* Sends all calls that may be sent, for shards with something due first; then sets the timer. */
static void send_calls(struct reaper *x)
{
	unsigned i;

	while (pace_may(&x->pace) && (pick(x, WANT_DUE, &i) || pick(x, WANT_SWEPT, &i))) {
		struct shard *s = &x->shard[i];
		s->want = WANT_NOTHING;
		s->next_us = 0; /* otherwise a deadline in the past would fire the timer again */
		s->asked_us = clock_mono_us();
		s->entries = pace_entries(&x->pace, s->overdue);
		if (store_reap(x->store, i, s->entries, timekeeper_least_ms(&x->time, s->asked_us),
			    on_reaped, x) != 0)
			continue; /* there is no connection: a sweep asks again */
		s->call = ASKED;
		pace_asked(&x->pace, s->entries);
	}
	set_timer(x);
}

static void count_ends(const struct store_reaped *r)
{
	metrics_count(M_EXPIRED, r->expired);
	metrics_count(M_SESSION_ENDED, r->session_ended);
	metrics_count(M_LEASE_EXPIRED, r->lease_expired);
	metrics_count(M_ABORTED, r->aborted);
	metrics_count(M_TAKEN, r->consumed);
	for (unsigned i = 0; i < r->n_lateness; i++)
		metrics_observe_us(H_LATENESS_US, r->lateness_us[i]);
}

static void set_backlog(struct reaper *x)
{
	int64_t overdue = 0;

	for (unsigned i = 0; i < TOKEN_SHARDS; i++)
		overdue += x->shard[i].overdue;
	metrics_gauge_set(G_OVERDUE, overdue);
}

/* Logs a step of the store's clock. The log alone shows that things ended early because of it, or
 * that the times which timeglas shows are not those of the store's machine. */
static void log_clock_steps(struct reaper *x, uint64_t now_us, const struct store_reaped *r)
{
	int64_t ahead = timekeeper_saw(&x->time, now_us, r->now_ms);

	if (ahead > JUMP_MS)
		log_warn("store-clock",
			"the store's clock was set forward by %lld ms; what is due by it now has "
			"ended",
			(long long)ahead);
	if (r->back_ms < x->back_ms + STEP_MS && r->back_ms >= x->back_ms)
		return; /* the clock is being adjusted slowly */
	if (r->back_ms > x->back_ms)
		log_warn("store-clock",
			"the store's clock was set back; the store's time goes on, %lld ms ahead "
			"of it",
			(long long)r->back_ms);
	x->back_ms = r->back_ms;
}

/* Returns when to ask for a deadline that the store, at now_us, said to be in_ms ahead. It said so
 * half a round trip ago, and the call needs the other half. */
static uint64_t ask_at(const struct reaper *x, uint64_t now_us, int64_t in_ms)
{
	const uint64_t in_us = (uint64_t)in_ms * 1000, early_us = pace_early_us(&x->pace);

	return now_us + (in_us > early_us ? in_us - early_us : 0);
}

static void on_reaped(void *ctx, unsigned shard, int err, const struct store_reaped *r)
{
	struct reaper *x = ctx;
	struct shard *s = &x->shard[shard];
	uint64_t now = clock_mono_us(), next;

	s->call = QUIET;
	pace_answered(&x->pace, s->entries, err == 0 ? now - s->asked_us : 0, now);
	if (err != 0) { /* the next sweep asks again */
		if (err != TG_ESTORE)
			log_error("reap",
				"the store could not be asked to erase what is due; tried again "
				"within a second: %s",
				tg_strerror(err));
		set_timer(x);
		return;
	}
	count_ends(r);
	log_clock_steps(x, now, r);
	if (r->failed[0] != '\0')
		log_error("reap",
			"something that is due cannot be ended, and is tried again in a second: %s",
			r->failed);
	s->overdue = r->overdue;
	set_backlog(x);
	if (r->more)
		s->want = WANT_DUE;
	if (r->next_ms > 0) {
		next = ask_at(x, now, r->next_ms > r->now_ms ? r->next_ms - r->now_ms : 0);
		if (s->next_us == 0 || next < s->next_us) /* a message may have come first */
			s->next_us = next;
	}
	send_calls(x);
}

/* The store's message: a shard has got a deadline that is nearer than those before. */
static void on_due(void *ctx, unsigned shard, int64_t in_ms)
{
	struct reaper *x = ctx;
	struct shard *s = &x->shard[shard];
	uint64_t at = ask_at(x, clock_mono_us(), in_ms);

	if (s->next_us != 0 && s->next_us <= at)
		return;
	s->next_us = at;
	set_timer(x);
}

static void sweep(struct reaper *x, uint64_t now)
{
	x->sweep_us = now + SWEEP_US;
	/* a shard that still waits for the last sweep's call goes first */
	for (unsigned i = 0; i < TOKEN_SHARDS; i++)
		x->shard[i].want = x->shard[i].want == WANT_NOTHING ? WANT_SWEPT : WANT_DUE;
	attestor_ask(x->attestor, x->store);
	store_subscription_ping(x->subscription);
}

static void on_timer(evutil_socket_t fd, short what, void *ctx)
{
	struct reaper *x = ctx;
	uint64_t now = clock_mono_us(), times;

	(void)what;
	if (read((int)fd, &times, sizeof times) < 0 && errno != EAGAIN)
		log_error("reaper-timer", "the timer cannot be read: %s", strerror(errno));
	if (now >= x->sweep_us)
		sweep(x, now);
	for (unsigned i = 0; i < TOKEN_SHARDS; i++)
		if (x->shard[i].next_us != 0 && x->shard[i].next_us <= now)
			x->shard[i].want = WANT_DUE;
	send_calls(x);
}

static void on_up(struct store *s, void *ctx)
{
	struct reaper *x = ctx;

	(void)s;
	pace_init(&x->pace);
	x->sweep_us = 0; /* ends at once what fell due while there was no connection */
	attestor_ask(x->attestor, x->store);
	set_timer(x);
}

static void on_down(struct store *s, void *ctx)
{
	struct reaper *x = ctx;

	(void)s;
	attestor_down(x->attestor);
}

static void on_refused(struct store *s, const char *why, void *ctx)
{
	struct reaper *x = ctx;

	(void)s;
	attestor_refused(x->attestor, why);
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
	store_subscription_free(x->subscription);
	store_free(x->store);
	attestor_free(x->attestor);
	if (x->timer != NULL)
		event_free(x->timer);
	if (x->term != NULL)
		event_free(x->term);
	if (x->timer_fd >= 0)
		close(x->timer_fd);
	loop_free(x->loop);
	free(x);
}

static bool add_events(struct reaper *x)
{
	x->loop = loop_new();
	x->timer_fd = timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC);
	if (x->loop == NULL || x->timer_fd < 0)
		return false;
	x->timer = event_new(loop_base(x->loop), x->timer_fd, EV_READ | EV_PERSIST, on_timer, x);
	x->term = evsignal_new(loop_base(x->loop), SIGTERM, on_term, x);
	return x->timer != NULL && x->term != NULL && event_add(x->timer, NULL) == 0 &&
		event_add(x->term, NULL) == 0;
}

static struct reaper *reaper_new(const struct child_env *env, char *err, size_t cap)
{
	static const struct store_calls calls = {
		.on_up = on_up, .on_down = on_down, .on_refused = on_refused};
	struct reaper *x = calloc(1, sizeof *x);

	if (x == NULL)
		return NULL;
	x->timer_fd = -1;
	timekeeper_init(&x->time, clock_mono_us());
	pace_init(&x->pace);
	x->attestor = attestor_new(env->conf, env->embedded_store);
	if (x->attestor != NULL && add_events(x))
		x->store = store_new(x->loop, env->store_url, &calls, x, err, cap);
	if (x->store != NULL)
		x->subscription =
			store_subscription_new(x->loop, env->store_url, on_due, x, err, cap);
	if (x->subscription == NULL) {
		reaper_free(x);
		return NULL;
	}
	set_timer(x);
	return x;
}

int reaper_main(const struct child_env *env)
{
	char err[256] = "out of memory or descriptors";
	struct reaper *x;
	int rc;

	/* only the store's address is configured here, and the master passes that on */
	signal(SIGHUP, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	metrics_attach(env->metrics, env->metrics_slot);
	x = reaper_new(env, err, sizeof err);
	if (x == NULL) {
		log_error("reaper", "cannot start: %s", err);
		return 1;
	}
	rc = loop_run(x->loop);
	reaper_free(x);
	return rc == 0 ? 0 : 1;
}
