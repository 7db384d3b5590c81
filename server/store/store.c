/*
 * store.c: the store's connection: up when the library is loaded and the time is known, and down
 * when it breaks. What the calls do stands in functions/; the calls themselves are in the
 * store_*.c, one file for each actor. Runs in every process that has a store.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/scoreboard.h"
#include "store/abort.h"
#include "store/query.h"
#include "store/error.h"
#include "store/library.h"
#include "store/lines.h"
#include "store/state.h"
#include "store/store.h"

#define HEARTBEAT_S 1
#define ABORTS_A_HEARTBEAT 8u

/* The store's time --------------------------------------------------------- */

static void set_clock(struct store *s, const redisReply *time)
{
	struct lines l = lines_of(time);

	s->skew_ms = lines_num(&l) - (int64_t)(clock_mono_us() / 1000);
	const bool compared = lines_num(&l) != 0;
	if (!compared)
		scoreboard_set_compared(false);
	s->stamp = compared ? lines_num(&l) : 0;
}

static void on_first_time(void *ctx, const redisReply *r)
{
	struct store *s = ctx;

	if (r == NULL || r->type != REDIS_REPLY_STRING) {
		library_failed(s, r);
		return;
	}
	library_settled(s);
	set_clock(s, r);
	rconn_set_ready(s->conn, true);
	abort_resend(s, ABORT_MAX);
	if (s->up)
		return;
	s->up = true;
	metrics_gauge_set(G_STORE_UP, 1);
	log_info("store-up", "connected to the store");
	if (s->calls->on_up != NULL)
		s->calls->on_up(s, s->ctx);
}

static int ask_time(struct store *s, rconn_cb *cb)
{
	static const char *const argv[] = {"FCALL", "tg2_time", "0"};
	static const size_t len[] = {5, 8, 1};

	return rconn_cmd_early(s->conn, cb, s, 3, argv, len);
}

static void ask_first_time(struct store *s)
{
	if (ask_time(s, on_first_time) != 0)
		library_failed(s, NULL);
}

/* The connection ----------------------------------------------------------- */

static void on_up(struct rconn *c, void *ctx)
{
	struct store *s = ctx;

	(void)c;
	library_reset(s);
	library_check(s);
}

static void on_down(struct rconn *c, const char *why, void *ctx)
{
	struct store *s = ctx;

	(void)c;
	(void)why;
	library_reset(s);
	s->stamp = 0;
	metrics_count(M_STORE_LOST, 1);
	metrics_gauge_set(G_STORE_UP, 0);
	metrics_gauge_set(G_STORE_QUEUE, 0);
	if (!s->up)
		return;
	s->up = false;
	if (s->calls->on_down != NULL)
		s->calls->on_down(s, s->ctx);
}

static void on_low(struct rconn *c, void *ctx)
{
	struct store *s = ctx;

	(void)c;
	if (s->calls->on_low != NULL)
		s->calls->on_low(s, s->ctx);
}

static void on_time(void *ctx, const redisReply *r)
{
	struct store *s = ctx;

	if (r != NULL && error_of(s, r) == 0)
		set_clock(s, r);
}

/* Asks for the store's time, which follows a clock that can be set, and sends some of the aborts
 * that wait. The gauge is set also while the store cannot be reached. */
static void on_heartbeat(evutil_socket_t fd, short what, void *ctx)
{
	struct store *s = ctx;

	(void)fd;
	(void)what;
	metrics_gauge_set(G_STORE_QUEUE, (int64_t)rconn_queued(s->conn));
	if (!s->up || s->library.checking)
		return;
	(void)ask_time(s, on_time);
	abort_resend(s, ABORTS_A_HEARTBEAT);
}

static void on_library_failed(struct store *s, const char *why)
{
	if (s->calls->on_refused != NULL)
		s->calls->on_refused(s, why, s->ctx);
}

struct store *store_new(struct loop *l, const char *url, const struct store_calls *calls, void *ctx,
	char *err, size_t cap)
{
	static const struct rconn_calls conn_calls = {
		.on_up = on_up, .on_down = on_down, .on_low = on_low};
	static const struct store_calls none;
	struct store *s = calloc(1, sizeof *s);

	if (s == NULL) {
		snprintf(err, cap, "out of memory");
		return NULL;
	}
	LIST_INIT(&s->queries);
	abort_init(s);
	s->loop = l;
	s->calls = calls != NULL ? calls : &none;
	s->library.on_loaded = ask_first_time;
	s->library.on_failed = on_library_failed;
	s->ctx = ctx;
	s->heartbeat = event_new(loop_base(l), -1, EV_PERSIST, on_heartbeat, s);
	if (library_new(s) != 0 || s->heartbeat == NULL ||
		event_add(s->heartbeat, loop_timeout(l, HEARTBEAT_S)) != 0)
		snprintf(err, cap, "out of memory");
	else
		s->conn = rconn_new(l, url, &conn_calls, s, err, cap);
	if (s->conn == NULL) {
		store_free(s);
		return NULL;
	}
	return s;
}

void store_free(struct store *s)
{
	if (s == NULL)
		return;
	rconn_free(s->conn);
	query_free_all(s);
	abort_free_all(s);
	library_free(s);
	if (s->heartbeat != NULL)
		event_free(s->heartbeat);
	if (s->up)
		metrics_gauge_set(G_STORE_UP, 0);
	free(s);
}

bool store_up(const struct store *s)
{
	return s->up;
}

int64_t store_now_ms(const struct store *s)
{
	return (int64_t)(clock_mono_us() / 1000) + s->skew_ms;
}

bool store_busy(const struct store *s)
{
	return rconn_high(s->conn);
}

void store_forget(struct store *s, const void *ctx)
{
	query_forget(s, ctx);
}
