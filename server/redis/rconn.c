/*
 * rconn.c: one pipelined Redis connection on a stream: requests are encoded straight into the
 * stream's buffer, replies are cut at their boundaries here and built by hiredis's reader, except
 * bulks for a fetch, whose buffer chains are moved. It reconnects by itself. It does not know which
 * commands are sent, and has no TLS yet. Runs in every process that has a store.
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
#include "net/stream.h"
#include "redis/rconn.h"
#include "redis/resp.h"
#include "redis/rurl.h"
#include "redis/scrub.h"

#define HIGH_BYTES ((size_t)1024 * 1024) /* of requests not yet written: pause the sources */
/* of requests: the store begins with them while this turn goes on */
#define PUSH_BYTES ((size_t)16 * 1024)
#define LOW_BYTES ((size_t)256 * 1024)
#define BACKOFF_MIN_MS 10u
#define BACKOFF_MAX_MS 1000u
#define CONNECT_TIMEOUT_S 5u
/* answers are due and nothing has come for that long: the connection is taken for dead */
#define SILENCE_US 5000000u
#define READ_BYTES ((size_t)64 * 1024)

struct pending { /* a command whose reply is still to come */
	rconn_cb *cb;
	rconn_bulk_cb *bulk_cb; /* NULL: not a fetch */
	void *ctx;
	struct evbuffer *sink;
	bool expected; /* cb is not called for a plain status */
};

struct rconn {
	struct loop *loop;
	struct rconn_calls calls;
	void *ctx;
	struct rurl url;

	struct stream *stream;
	redisReader *reader;
	struct resp_scan scan;
	struct pending *queue; /* a ring of cap entries, a power of two */
	size_t cap, head, count;
	struct pending push; /* cb NULL: none is expected */
	struct event *retry, *watch, *scrub_tick;
	struct scrub scrub;
	unsigned backoff_ms;
	uint64_t heard_us;
	bool up, ready, high;
	bool scrub_refused; /* on this connection, and logged */
	bool busy, doomed;  /* inside a dispatch; rconn_free() came meanwhile */
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

static void on_watch(evutil_socket_t fd, short what, void *arg)
{
	struct rconn *c = arg;

	(void)fd;
	(void)what;
	if (c->count > 0 && clock_mono_us() - c->heard_us > SILENCE_US)
		rconn_fail(c, "no answer");
}

/* What was refused went through Redis's query buffer all the same, but not through the one of its
 * answers. */
static void on_scrubbed(void *ctx, const redisReply *r)
{
	struct rconn *c = ctx;

	if (r == NULL || r->type != REDIS_REPLY_ERROR || c->scrub_refused)
		return;
	c->scrub_refused = true;
	log_warn("store_refused",
		"PING, which overwrites this connection's buffers in Redis: %.80s", r->str);
}

static void on_scrub_tick(evutil_socket_t fd, short what, void *arg)
{
	static const struct timeval tick = {0, SCRUB_TICK_MS * 1000};
	static const char zero[SCRUB_BYTES];
	static const char *const argv[] = {"PING", zero};
	static const size_t len[] = {4, sizeof zero};
	struct rconn *c = arg;

	(void)fd;
	(void)what;
	if (c->stream == NULL)
		return; /* a connection's buffers end with it */
	if (scrub_due(&c->scrub, clock_mono_us(), c->count > 0) &&
		rconn_cmd_early(c, on_scrubbed, c, 2, argv, len) != 0)
		scrub_bulk(&c->scrub, clock_mono_us()); /* out of memory: try again */
	if (scrub_dirty(&c->scrub))
		event_add(c->scrub_tick, &tick);
}

static void bulk_passed(struct rconn *c)
{
	static const struct timeval tick = {0, SCRUB_TICK_MS * 1000};

	if (!scrub_dirty(&c->scrub))
		event_add(c->scrub_tick, &tick);
	scrub_bulk(&c->scrub, clock_mono_us());
}

static void rconn_destroy(struct rconn *c)
{
	stream_free(c->stream);
	loop_cancel(c->loop, &c->broken);
	if (c->reader != NULL)
		redisReaderFree(c->reader);
	if (c->retry != NULL)
		event_free(c->retry);
	if (c->watch != NULL)
		event_free(c->watch);
	if (c->scrub_tick != NULL)
		event_free(c->scrub_tick);
	rurl_clear(&c->url);
	free(c->queue);
	free(c);
}

struct rconn *rconn_new(struct loop *l, const char *url, const struct rconn_calls *calls, void *ctx,
	char *err, size_t cap)
{
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
	c->watch = event_new(loop_base(l), -1, EV_PERSIST, on_watch, c);
	c->scrub_tick = event_new(loop_base(l), -1, 0, on_scrub_tick, c);
	if (c->retry == NULL || c->watch == NULL || c->scrub_tick == NULL) {
		snprintf(err, cap, "out of memory");
		rconn_destroy(c);
		return NULL;
	}
	if (rurl_parse(&c->url, url, err, cap) != 0) {
		rconn_destroy(c);
		return NULL;
	}
	event_add(c->retry, &now); /* not from here: on_up must not come before return */
	return c;
}

void rconn_free(struct rconn *c)
{
	if (c == NULL)
		return;
	if (c->busy) { /* called from one of our callbacks: whoever dispatches ends it */
		c->doomed = true;
		return;
	}
	rconn_destroy(c);
}

/* The queue ---------------------------------------------------------------- */

static struct pending *queue_push(struct rconn *c)
{
	if (c->count == c->cap) {
		size_t cap = c->cap == 0 ? 64 : c->cap * 2;
		struct pending *q = calloc(cap, sizeof *q);
		if (q == NULL)
			return NULL;
		for (size_t i = 0; i < c->count; i++)
			q[i] = c->queue[(c->head + i) & (c->cap - 1)];
		free(c->queue);
		c->queue = q;
		c->cap = cap;
		c->head = 0;
	}
	struct pending *p = &c->queue[(c->head + c->count++) & (c->cap - 1)];
	memset(p, 0, sizeof *p);
	return p;
}

static struct pending *queue_first(struct rconn *c)
{
	return c->count == 0 ? NULL : &c->queue[c->head];
}

static struct pending queue_pop(struct rconn *c)
{
	struct pending p = c->queue[c->head];

	c->head = (c->head + 1) & (c->cap - 1);
	c->count--;
	return p;
}

void rconn_forget(struct rconn *c, const void *ctx)
{
	for (size_t i = 0; i < c->count; i++) {
		struct pending *p = &c->queue[(c->head + i) & (c->cap - 1)];
		if (p->ctx != ctx)
			continue;
		p->cb = NULL;
		/* a fetch stays one: its bulk is read past the reader, and dropped */
		p->sink = NULL;
		p->ctx = NULL;
	}
}

/* Connecting, and losing the connection ------------------------------------ */

/* Ends a dispatch: true when the connection was freed in it. */
static bool undoomed(struct rconn *c)
{
	c->busy = false;
	if (!c->doomed)
		return false;
	rconn_destroy(c);
	return true;
}

static void answer_broken(const struct pending *p)
{
	if (p->bulk_cb != NULL) {
		if (p->sink != NULL)
			p->bulk_cb(p->ctx, -3, NULL);
	} else if (p->cb != NULL) {
		p->cb(p->ctx, NULL);
	}
}

static void rconn_fail(struct rconn *c, const char *why)
{
	bool outer = !c->busy;
	bool was_up = c->up;
	struct timeval wait = {c->backoff_ms / 1000, (suseconds_t)(c->backoff_ms % 1000 * 1000)};
	size_t n = c->count;

	if (was_up || c->backoff_ms == BACKOFF_MIN_MS) /* not once an attempt */
		log_warn("store_down", "%s: %s", c->url.name, why);
	stream_free(c->stream);
	c->stream = NULL;
	c->up = c->ready = c->high = c->scrub_refused = false;
	event_del(c->watch);
	c->busy = true;
	/* New commands are refused while down, so what stands in the queue is what was in flight.
	 */
	while (n-- > 0 && !c->doomed) {
		struct pending p = queue_pop(c);
		answer_broken(&p);
	}
	if (was_up && !c->doomed && c->calls.on_down != NULL)
		c->calls.on_down(c, why, c->ctx);
	event_add(c->retry, &wait);
	c->backoff_ms = c->backoff_ms * 2 > BACKOFF_MAX_MS ? BACKOFF_MAX_MS : c->backoff_ms * 2;
	if (outer)
		(void)undoomed(c);
}

static void rconn_became_up(struct rconn *c)
{
	bool outer = !c->busy;

	c->up = true;
	c->backoff_ms = BACKOFF_MIN_MS;
	c->busy = true;
	if (c->calls.on_up != NULL)
		c->calls.on_up(c, c->ctx);
	if (outer)
		(void)undoomed(c);
}

static void on_auth(void *ctx, const redisReply *reply)
{
	struct rconn *c = ctx;

	if (reply == NULL)
		return;
	if (reply->type == REDIS_REPLY_ERROR) {
		log_error("store_auth", "%s, user '%s': %s", c->url.name,
			c->url.user != NULL ? c->url.user : "default", reply->str);
		rconn_fail(c, "authentication refused");
		return;
	}
	rconn_became_up(c);
}

static void on_ready(struct stream *s, void *ctx)
{
	struct rconn *c = ctx;
	const char *argv[3] = {"AUTH", c->url.user, c->url.password};
	size_t len[3];
	int argc = 3;

	(void)s;
	c->heard_us = clock_mono_us();
	if (c->url.password == NULL) {
		rconn_became_up(c);
		return;
	}
	if (c->url.user == NULL) {
		argv[1] = c->url.password;
		argc = 2;
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
	c->busy = true;
	if (c->calls.on_low != NULL)
		c->calls.on_low(c, c->ctx);
	(void)undoomed(c);
}

static void on_end(struct stream *s, enum stream_end why, void *ctx)
{
	static const char *const text[] = {
		"closed by the store", "connection error", "TLS error", "timeout"};

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
	static const struct stream_opts opts = {.in_max = 4 * READ_BYTES,
		.read_size = READ_BYTES,
		.out_low = LOW_BYTES,
		.ready_timeout_s = CONNECT_TIMEOUT_S};
	static const struct timeval second = {1, 0};

	if (c->reader != NULL)
		redisReaderFree(c->reader);
	c->reader = redisReaderCreate();
	memset(&c->scan, 0, sizeof c->scan);
	memset(&c->scrub, 0, sizeof c->scrub);
	event_del(c->scrub_tick);
	if (c->reader != NULL)
		c->stream = stream_connect(c->loop, (struct sockaddr *)&c->url.addr,
			c->url.addr_len, NULL, &opts, &cb, c);
	if (c->stream == NULL) {
		char what[128];

		snprintf(what, sizeof what, "cannot connect: %s", strerror(errno));
		rconn_fail(c, what);
		return;
	}
	event_add(c->watch, &second);
}

/* Replies ------------------------------------------------------------------ */

/* A whole reply other than a fetched bulk stands in the reader. */
static int dispatch_reply(struct rconn *c)
{
	void *got = NULL;
	struct pending p;

	if (redisReaderGetReply(c->reader, &got) != REDIS_OK || got == NULL)
		return TG_EPROTO;
	redisReply *reply = got;
	p = c->count > 0 ? queue_pop(c) : c->push;
	if (p.bulk_cb == NULL && p.cb != NULL)
		p.cb(p.ctx, reply);
	else if (p.bulk_cb != NULL && p.sink != NULL)
		p.bulk_cb(p.ctx, reply->type == REDIS_REPLY_NIL ? -1 : -2, reply);
	freeReplyObject(reply);
	return 0;
}

static void dispatch_bulk(struct rconn *c, long len)
{
	struct pending p = queue_pop(c);

	bulk_passed(c);
	if (p.sink != NULL)
		p.bulk_cb(p.ctx, len, NULL);
}

/* Consumes some of `in`. Returns 1: go on, 0: more bytes are needed, negative: the other side does
 * not speak RESP. */
static int consume(struct rconn *c, struct evbuffer *in)
{
	struct pending *p = queue_first(c);
	struct evbuffer_iovec v;
	enum resp_step step;
	size_t used = 0;

	if (evbuffer_get_length(in) == 0)
		return 0;
	if (p == NULL && c->push.cb != NULL)
		p = &c->push;
	if (p == NULL)
		return TG_EPROTO; /* nobody asked */
	/* The line of a fetched bulk must stand in one piece. */
	if (p->bulk_cb != NULL && !c->scan.in_reply)
		(void)evbuffer_pullup(
			in, evbuffer_get_length(in) < RESP_LINE_MAX ? -1 : RESP_LINE_MAX);
	if (evbuffer_peek(in, -1, NULL, &v, 1) < 1 || v.iov_len == 0)
		return 0;
	/* "OK" or "QUEUED", and nobody wants to be told: no need for a reader. */
	if ((p->cb == NULL || p->expected) && p->bulk_cb == NULL && !c->scan.in_reply &&
		(used = resp_status(v.iov_base, v.iov_len)) > 0) {
		evbuffer_drain(in, used);
		(void)queue_pop(c);
		return 1;
	}
	step = resp_scan(&c->scan, v.iov_base, v.iov_len, p->bulk_cb != NULL, &used);
	switch (step) {
	case RESP_BAD:
		return TG_EPROTO;
	case RESP_FEED:
	case RESP_REPLY:
		if (redisReaderFeed(c->reader, v.iov_base, used) != REDIS_OK)
			return TG_ENOMEM;
		evbuffer_drain(in, used);
		return step == RESP_REPLY && dispatch_reply(c) != 0 ? TG_EPROTO : 1;
	case RESP_WAIT:
		return 0;
	case RESP_SKIP:
		evbuffer_drain(in, used);
		return 1;
	case RESP_BODY:
		used = evbuffer_get_length(in);
		if (used > c->scan.left)
			used = c->scan.left;
		if (p->sink == NULL)
			evbuffer_drain(in, used);
		else if (evbuffer_remove_buffer(in, p->sink, used) != (int)used)
			return TG_ENOMEM;
		c->scan.left -= used;
		return 1;
	case RESP_BODY_END:
		evbuffer_drain(in, used);
		dispatch_bulk(c, c->scan.bulk_len);
		return 1;
	}
	return TG_EPROTO;
}

static void on_read(struct stream *s, struct evbuffer *in, void *ctx)
{
	struct rconn *c = ctx;
	int rc = 1;

	c->heard_us = clock_mono_us();
	c->busy = true;
	/* A callback may lose the connection: then `in` is gone with its stream. */
	while (rc > 0 && !c->doomed && c->stream == s)
		rc = consume(c, in);
	if (undoomed(c))
		return;
	if (c->stream == s) /* what is left of a fetched bulk goes on as it comes */
		stream_set_unit(s, resp_in_body(&c->scan) ? c->scan.left : 0);
	if (rc < 0)
		rconn_fail(c, rc == TG_EPROTO ? "not the Redis protocol" : "out of memory");
}

/* Requests ----------------------------------------------------------------- */

static struct pending *push_for(struct rconn *c, rconn_cb *cb, void *ctx)
{
	struct pending *p = queue_push(c);

	if (p == NULL)
		return NULL;
	if (c->count == 1)
		c->heard_us = clock_mono_us(); /* the wait for an answer starts here */
	p->cb = cb;
	p->ctx = ctx;
	return p;
}

static void sent(struct rconn *c)
{
	stream_flush_later(c->stream);
	if (stream_unsent(c->stream) >= PUSH_BYTES)
		stream_flush_now(c->stream);
	if (!c->high && evbuffer_get_length(stream_out(c->stream)) > HIGH_BYTES)
		c->high = true;
}

int rconn_cmd_early(struct rconn *c, rconn_cb *cb, void *ctx, int argc, const char *const argv[],
	const size_t len[])
{
	if (c->stream == NULL)
		return TG_ESTORE;
	if (push_for(c, cb, ctx) == NULL)
		return TG_ESTORE;
	if (resp_write(stream_out(c->stream), argc, argv, len) != 0) {
		c->count--;
		return TG_ESTORE;
	}
	sent(c);
	return 0;
}

int rconn_cmd(struct rconn *c, rconn_cb *cb, void *ctx, int argc, const char *const argv[],
	const size_t len[])
{
	return c->ready ? rconn_cmd_early(c, cb, ctx, argc, argv, len) : TG_ESTORE;
}

int rconn_expect(struct rconn *c, rconn_cb *cb, void *ctx, int argc, const char *const argv[],
	const size_t len[])
{
	int rc = rconn_cmd(c, cb, ctx, argc, argv, len);

	if (rc == 0)
		c->queue[(c->head + c->count - 1) & (c->cap - 1)].expected = true;
	return rc;
}

int rconn_store(struct rconn *c, rconn_cb *cb, void *ctx, const char *key, size_t n,
	struct evbuffer *value, uint64_t px_ms)
{
	if (!c->ready || push_for(c, cb, ctx) == NULL)
		return TG_ESTORE;
	if (resp_write_set(stream_out(c->stream), key, n, value, px_ms) != 0) {
		c->count--;
		return TG_ESTORE;
	}
	bulk_passed(c);
	sent(c);
	return 0;
}

int rconn_fetch(struct rconn *c, rconn_bulk_cb *cb, void *ctx, int argc, const char *const argv[],
	const size_t len[], struct evbuffer *sink)
{
	struct pending *p;
	int rc = rconn_cmd(c, NULL, ctx, argc, argv, len);

	if (rc != 0)
		return rc;
	p = &c->queue[(c->head + c->count - 1) & (c->cap - 1)];
	p->bulk_cb = cb;
	p->sink = sink;
	return 0;
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
	c->ready = false;
	c->broken.run = on_broken;
	c->broken.ctx = c;
	loop_defer(c->loop, &c->broken);
}

void rconn_on_push(struct rconn *c, rconn_cb *cb, void *ctx)
{
	c->push = (struct pending){.cb = cb, .ctx = ctx};
}

bool rconn_up(const struct rconn *c)
{
	return c->up;
}

void rconn_set_ready(struct rconn *c, bool on)
{
	c->ready = on && c->up;
}

size_t rconn_queued(const struct rconn *c)
{
	return c->stream == NULL ? 0 : evbuffer_get_length(stream_out(c->stream));
}

bool rconn_high(const struct rconn *c)
{
	return c->high;
}
