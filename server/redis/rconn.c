/*
 * rconn.c: one pipelined Redis connection on a stream. Commands are written straight into the
 * stream's buffer; replies.c finds whose answer it is that comes. It connects again by itself. It
 * does not know which commands are sent, and speaks no TLS. Runs in every process that has a store.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <event2/event.h>
#include <timeglas/errors.h>
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "net/buffer_policy.h"
#include "net/stream.h"
#include "redis/rconn.h"
#include "redis/resp.h"
#include "redis/rurl.h"
#include "redis/scrubber.h"

#define BACKOFF_MIN_MS 10u
#define BACKOFF_MAX_MS 1000u
#define CONNECT_TIMEOUT_S 5u
/* When answers are due, and nothing has come for so long, the connection is taken for dead. */
#define SILENCE_US 5000000u

enum link {
	DOWN,  /* not authenticated; commands of set-up, once the stream is there */
	UP,    /* authenticated; only commands of set-up */
	READY, /* rconn_set_ready(): every command */
};

struct rconn {
	struct loop *loop;
	struct rconn_calls calls;
	void *ctx;
	struct rurl url;

	enum link link;
	struct stream *stream; /* NULL: not even connecting */
	struct replies *replies;
	struct event *retry, *watchdog;
	struct scrubber *scrubber;
	unsigned backoff_ms;
	uint64_t heard_us;
	unsigned long bulks; /* of replies_bulks(), those that the scrubber was told of */
	bool high; /* above BUFFER_STORE_HIGH_BYTES, and not at BUFFER_STORE_LOW_BYTES since */
	bool scrub_refused; /* on this connection, and logged */
	/* While callbacks are called, rconn_free() only sets free_wanted. */
	bool dispatching, free_wanted;
	struct loop_task broken;
};

static void rconn_start(struct rconn *c);
static void rconn_fail(struct rconn *c, const char *why);

/* Making one --------------------------------------------------------------- */

static void on_retry(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	rconn_start(arg);
}

static void on_watchdog(evutil_socket_t fd, short what, void *arg)
{
	struct rconn *c = arg;

	(void)fd;
	(void)what;
	if (replies_due(c->replies) > 0 && clock_mono_us() - c->heard_us > SILENCE_US)
		rconn_fail(c, "no answer");
}

/* A PING that is refused (by an access list) has overwritten the buffer in which Redis parses
 * commands, but not the one of its answers. The operator is told once for each connection. */
static void on_scrubbed(void *ctx, const redisReply *r)
{
	struct rconn *c = ctx;

	if (r == NULL || r->type != REDIS_REPLY_ERROR || c->scrub_refused)
		return;
	c->scrub_refused = true;
	log_warn("store-refused",
		"Redis refused PING, which overwrites this connection's buffers there: %.80s",
		r->str);
}

static int send_scrub(void *ctx, const char *bytes, size_t n)
{
	return rconn_cmd_early(ctx, on_scrubbed, ctx, 2, (const char *const[]){"PING", bytes},
		(const size_t[]){4, n});
}

static bool answers_due(void *ctx)
{
	const struct rconn *c = ctx;

	return replies_due(c->replies) > 0;
}

static void rconn_destroy(struct rconn *c)
{
	stream_free(c->stream);
	loop_cancel(c->loop, &c->broken);
	replies_free(c->replies);
	if (c->retry != NULL)
		event_free(c->retry);
	if (c->watchdog != NULL)
		event_free(c->watchdog);
	scrubber_free(c->scrubber);
	rurl_clear(&c->url);
	free(c);
}

struct rconn *rconn_new(struct loop *l, const char *url, const struct rconn_calls *calls, void *ctx,
	char *err, size_t cap)
{
	static const struct scrubber_calls scrubber_calls = {
		.ping = send_scrub, .waiting = answers_due};
	struct rconn *c = calloc(1, sizeof *c);
	struct timeval now = {0, 0};

	if (c == NULL) {
		snprintf(err, cap, "out of memory");
		return NULL;
	}
	c->loop = l;
	c->calls = *calls;
	c->ctx = ctx;
	c->backoff_ms = BACKOFF_MIN_MS;
	c->retry = event_new(loop_base(l), -1, 0, on_retry, c);
	c->watchdog = event_new(loop_base(l), -1, EV_PERSIST, on_watchdog, c);
	c->scrubber = scrubber_new(l, &scrubber_calls, c);
	c->replies = replies_new();
	const bool made = c->replies != NULL && c->retry != NULL && c->watchdog != NULL &&
		c->scrubber != NULL;
	if (!made)
		snprintf(err, cap, "out of memory");
	if (!made || rurl_parse(&c->url, url, err, cap) != 0) {
		rconn_destroy(c);
		return NULL;
	}
	event_add(c->retry, &now); /* from the loop: on_up must not come before return */
	return c;
}

void rconn_free(struct rconn *c)
{
	if (c == NULL)
		return;
	if (c->dispatching) { /* end_dispatch() does it */
		c->free_wanted = true;
		return;
	}
	rconn_destroy(c);
}

void rconn_forget(struct rconn *c, const void *ctx)
{
	replies_forget(c->replies, ctx);
}

/* Dispatching: any callback may free the connection ------------------------- */

/* Before callbacks are called. Returns what end_dispatch() is to be given: whether this is the
 * outermost of nested dispatches. */
static bool begin_dispatch(struct rconn *c)
{
	bool outer = !c->dispatching;

	c->dispatching = true;
	return outer;
}

/* After them. Returns false when one of them freed the connection, which is done here. */
static bool end_dispatch(struct rconn *c, bool outer)
{
	if (!outer)
		return true;
	c->dispatching = false;
	if (!c->free_wanted)
		return true;
	rconn_destroy(c);
	return false;
}

/* Connecting, and losing the connection ------------------------------------ */

static void rconn_fail(struct rconn *c, const char *why)
{
	const bool outer = begin_dispatch(c), was_up = c->link != DOWN;
	struct timeval wait = {c->backoff_ms / 1000, (suseconds_t)(c->backoff_ms % 1000 * 1000)};

	if (was_up || c->backoff_ms == BACKOFF_MIN_MS) /* not for each attempt */
		log_warn("store-down", "the connection to %s is lost: %s", c->url.name, why);
	stream_free(c->stream);
	c->stream = NULL;
	c->link = DOWN;
	c->high = c->scrub_refused = false;
	event_del(c->watchdog);
	scrubber_reset(c->scrubber);
	/* The callbacks may send nothing, so only what was under way is counted. */
	for (size_t n = replies_due(c->replies); n > 0 && !c->free_wanted; n--)
		replies_break(c->replies);
	if (was_up && !c->free_wanted && c->calls.on_down != NULL)
		c->calls.on_down(c, why, c->ctx);
	event_add(c->retry, &wait);
	c->backoff_ms = c->backoff_ms * 2 > BACKOFF_MAX_MS ? BACKOFF_MAX_MS : c->backoff_ms * 2;
	(void)end_dispatch(c, outer);
}

static void rconn_became_up(struct rconn *c)
{
	const bool outer = begin_dispatch(c);

	c->link = UP;
	c->backoff_ms = BACKOFF_MIN_MS;
	if (c->calls.on_up != NULL)
		c->calls.on_up(c, c->ctx);
	(void)end_dispatch(c, outer);
}

static void on_auth(void *ctx, const redisReply *reply)
{
	struct rconn *c = ctx;

	if (reply == NULL)
		return;
	if (reply->type == REDIS_REPLY_ERROR) {
		log_error("store-auth", "%s refused the user '%s': %s", c->url.name,
			c->url.user != NULL ? c->url.user : "default", reply->str);
		rconn_fail(c, "authentication refused");
		return;
	}
	rconn_became_up(c);
}

static void on_ready(struct stream *s, void *ctx)
{
	struct rconn *c = ctx;
	const char *user = c->url.user, *password = c->url.password;
	const char *const argv[] = {"AUTH", user != NULL ? user : password, password};
	const int argc = user != NULL ? 3 : 2;
	size_t len[3];

	(void)s;
	c->heard_us = clock_mono_us();
	if (password == NULL) {
		rconn_became_up(c);
		return;
	}
	for (int i = 0; i < argc; i++)
		len[i] = strlen(argv[i]);
	if (rconn_cmd_early(c, on_auth, c, argc, argv, len) != 0)
		rconn_fail(c, "out of memory");
}

static void on_drain(struct stream *s, void *ctx)
{
	struct rconn *c = ctx;

	(void)s;
	if (!c->high)
		return;
	c->high = false;
	const bool outer = begin_dispatch(c);
	if (c->calls.on_low != NULL)
		c->calls.on_low(c, c->ctx);
	(void)end_dispatch(c, outer);
}

static void on_end(struct stream *s, enum stream_end why, void *ctx)
{
	static const char *const text[] = {[STREAM_EOF] = "closed by the store",
		[STREAM_ERROR] = "connection error",
		[STREAM_TLS] = "TLS error",
		[STREAM_TIMEOUT] = "timeout"};
	char what[128];
	const char *reason = why == STREAM_ERROR && errno != 0 ? strerror(errno) : NULL;

	(void)s;
	snprintf(what, sizeof what, "%s%s%s", text[why], reason != NULL ? ": " : "",
		reason != NULL ? reason : "");
	rconn_fail(ctx, what);
}

static void on_read(struct stream *s, struct evbuffer *in, void *ctx);

static void rconn_start(struct rconn *c)
{
	static const struct stream_cb cb = {
		.on_ready = on_ready, .on_read = on_read, .on_drain = on_drain, .on_end = on_end};
	static const struct stream_opts opts = {.in_max = BUFFER_STORE_IN_MAX_BYTES,
		.read_size = BUFFER_READ_BYTES,
		.out_low = BUFFER_STORE_LOW_BYTES,
		.ready_timeout_s = CONNECT_TIMEOUT_S};
	static const struct timeval second = {1, 0};

	if (replies_begin(c->replies) == 0)
		c->stream = stream_connect(c->loop, (struct sockaddr *)&c->url.addr,
			c->url.addr_len, NULL, &opts, &cb, c);
	if (c->stream == NULL) {
		char what[128];
		snprintf(what, sizeof what, "cannot connect: %s", strerror(errno));
		rconn_fail(c, what);
		return;
	}
	event_add(c->watchdog, &second);
}

/* Answers ------------------------------------------------------------------ */

static void on_read(struct stream *s, struct evbuffer *in, void *ctx)
{
	struct rconn *c = ctx;
	const bool outer = begin_dispatch(c);
	int rc = 1;

	c->heard_us = clock_mono_us();
	/* Where a callback loses the connection, `in` is freed with its stream. */
	while (rc > 0 && !c->free_wanted && c->stream == s)
		rc = replies_consume(c->replies, in);
	if (replies_bulks(c->replies) != c->bulks) {
		c->bulks = replies_bulks(c->replies);
		scrubber_bulk(c->scrubber);
	}
	if (!end_dispatch(c, outer))
		return;
	if (c->stream == s) /* the rest of a bulk is moved, so it comes into chains of its own */
		stream_set_unit(s, replies_bulk_left(c->replies));
	if (rc < 0)
		rconn_fail(c, rc == TG_EPROTO ? "not the Redis protocol" : "out of memory");
}

/* Commands ----------------------------------------------------------------- */

/* After each command that was written. */
static void sent(struct rconn *c)
{
	if (replies_due(c->replies) == 1)
		c->heard_us = clock_mono_us(); /* the watchdog counts from here */
	stream_flush_later(c->stream);
	if (stream_unsent(c->stream) >= BUFFER_STORE_FLUSH_BYTES)
		stream_flush_now(c->stream);
	if (!c->high && evbuffer_get_length(stream_out(c->stream)) > BUFFER_STORE_HIGH_BYTES)
		c->high = true;
}

/* Writes a command whose answer is expected already. */
static int write_command(struct rconn *c, int argc, const char *const argv[], const size_t len[])
{
	if (resp_write(stream_out(c->stream), argc, argv, len) != 0) {
		replies_withdraw(c->replies);
		return TG_ESTORE;
	}
	sent(c);
	return 0;
}

int rconn_cmd_early(struct rconn *c, rconn_cb *cb, void *ctx, int argc, const char *const argv[],
	const size_t len[])
{
	if (c->stream == NULL || replies_expect(c->replies, cb, ctx) != 0)
		return TG_ESTORE;
	return write_command(c, argc, argv, len);
}

int rconn_cmd(struct rconn *c, rconn_cb *cb, void *ctx, int argc, const char *const argv[],
	const size_t len[])
{
	return c->link == READY ? rconn_cmd_early(c, cb, ctx, argc, argv, len) : TG_ESTORE;
}

int rconn_expect(struct rconn *c, rconn_cb *cb, void *ctx, int argc, const char *const argv[],
	const size_t len[])
{
	if (c->link != READY || replies_expect_status(c->replies, cb, ctx) != 0)
		return TG_ESTORE;
	return write_command(c, argc, argv, len);
}

int rconn_store(struct rconn *c, rconn_cb *cb, void *ctx, const char *key, size_t n,
	struct evbuffer *value, uint64_t px_ms)
{
	if (c->link != READY || replies_expect(c->replies, cb, ctx) != 0)
		return TG_ESTORE;
	if (resp_write_set(stream_out(c->stream), key, n, value, px_ms) != 0) {
		replies_withdraw(c->replies);
		return TG_ESTORE;
	}
	scrubber_bulk(c->scrubber);
	sent(c);
	return 0;
}

int rconn_fetch(struct rconn *c, rconn_bulk_cb *cb, void *ctx, int argc, const char *const argv[],
	const size_t len[], struct evbuffer *sink)
{
	if (c->link != READY || replies_expect_bulk(c->replies, cb, ctx, sink) != 0)
		return TG_ESTORE;
	return write_command(c, argc, argv, len);
}

static void on_broken(struct loop_task *t, void *ctx)
{
	struct rconn *c = ctx;

	(void)t;
	if (c->stream != NULL)
		rconn_fail(c, "out of memory");
}

void rconn_break(struct rconn *c)
{
	rconn_set_ready(c, false);
	c->broken.run = on_broken;
	c->broken.ctx = c;
	loop_defer(c->loop, &c->broken);
}

void rconn_on_push(struct rconn *c, rconn_cb *cb, void *ctx)
{
	replies_on_push(c->replies, cb, ctx);
}

bool rconn_up(const struct rconn *c)
{
	return c->link != DOWN;
}

void rconn_set_ready(struct rconn *c, bool on)
{
	if (c->link != DOWN)
		c->link = on ? READY : UP;
}

size_t rconn_queued(const struct rconn *c)
{
	return c->stream == NULL ? 0 : evbuffer_get_length(stream_out(c->stream));
}

bool rconn_high(const struct rconn *c)
{
	return c->high;
}
