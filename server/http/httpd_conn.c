/*
 * httpd_conn.c: see httpd_conn.h. Callbacks from the stream only note what happened; work() does
 * what follows from it, at the end of the loop's turn or when bytes arrive. Runs in workers.
 *
 * Nothing is freed while a callback of the stream may be running: httpd_conn_kill() queues the task
 * that does it, as the stream may still have to say that it ends.
 */
#include <string.h>
#include <unistd.h>

#include <timeglas/errors.h>

#include "base/clock.h"
#include "http/httpd_conn.h"
#include "net/buffer_policy.h"

#define LINGER_S 1      /* without a byte */
#define LINGER_MAX_S 10 /* in all */
#define TICK_MS 20
/* A closing connection drops so much in each tick (16 MB/s); all that had to wait drop four times
 * that together. A client may read the answer only when it has sent all that was refused, so its
 * bytes are read and dropped, but not at the cost of other clients. */
#define DROP_TICK_BYTES (320u * 1024)
#define DROP_ALL_TICK_BYTES (4u * DROP_TICK_BYTES)

static void on_task(struct loop_task *t, void *ctx);
static void on_timer(evutil_socket_t fd, short what, void *ctx);

static void step(struct httpd_conn *c, enum httpd_conn_event e)
{
	c->state = httpd_conn_state_next(c->state, e);
}

void httpd_conn_schedule(struct httpd_conn *c)
{
	loop_defer(c->group->loop, &c->task);
}

void httpd_conn_kill(struct httpd_conn *c)
{
	step(c, HTTPD_CONN_ON_KILL);
	httpd_conn_schedule(c);
}

bool httpd_conn_unsent(const struct httpd_conn *c)
{
	return stream_unsent(c->stream) > 0 || c->unacked.n > 0;
}

/* The timer ---------------------------------------------------------------- */

static struct timeval timeval_of(uint64_t us)
{
	return (struct timeval){(time_t)(us / 1000000), (suseconds_t)(us % 1000000)};
}

/* Begins a wait. An event that is set for an earlier time stays: due() sets it anew when it fires.
 * Waits change several times a request, and mostly none of them has to touch the event. */
static void begin_wait(struct httpd_conn *c)
{
	const uint64_t now = clock_mono_us(), full_us = c->period_s * UINT64_C(1000000);
	uint64_t wait_us = full_us;

	c->period_is_new = false;
	if (c->limit_us != 0 && c->limit_us < now + full_us)
		wait_us = c->limit_us > now ? c->limit_us - now : 0;
	stream_progress(c->stream, &c->seen_in, &c->seen_out);
	c->due_us = now + wait_us;
	if (c->armed_us != 0 && c->armed_us <= c->due_us)
		return;
	const struct timeval left = timeval_of(wait_us);
	c->armed_us = c->due_us;
	event_add(
		&c->timer, wait_us == full_us ? loop_timeout(c->group->loop, c->period_s) : &left);
}

void httpd_conn_arm(struct httpd_conn *c, unsigned seconds)
{
	c->period_s = seconds;
	c->limit_us = 0;
	c->period_is_new = true;
}

void httpd_conn_rearm(struct httpd_conn *c)
{
	begin_wait(c);
}

void httpd_conn_limit(struct httpd_conn *c, unsigned seconds)
{
	c->limit_us = clock_mono_us() + seconds * UINT64_C(1000000);
	if (!c->period_is_new)
		begin_wait(c);
}

bool httpd_conn_limit_over(const struct httpd_conn *c)
{
	return c->limit_us != 0 && clock_mono_us() >= c->limit_us;
}

/* The event has fired. Returns whether the wait is over; if not, sets the event for the rest. */
static bool due(struct httpd_conn *c)
{
	const uint64_t now = clock_mono_us();

	c->armed_us = 0;
	if (now >= c->due_us)
		return true;
	const struct timeval left = timeval_of(c->due_us - now);
	c->armed_us = c->due_us;
	event_add(&c->timer, &left);
	return false;
}

/* Closing ------------------------------------------------------------------ */

void httpd_conn_wait(struct httpd_conn *c)
{
	static const struct timeval tick = {0, TICK_MS * 1000};
	struct httpd_conn_group *g = c->group;

	if (c->waits)
		return;
	if (TAILQ_EMPTY(&g->waiting))
		event_add(&g->tick, &tick);
	c->waits = true;
	TAILQ_INSERT_TAIL(&g->waiting, c, wait_link);
}

static bool is_closing(const struct httpd_conn *c)
{
	return c->state == HTTPD_CONN_FLUSH || c->state == HTTPD_CONN_LINGER;
}

/* Serves those first that waited longest. Closing connections that find nothing left of
 * DROP_ALL_TICK_BYTES wait for the next tick. */
static void on_tick(evutil_socket_t fd, short what, void *ctx)
{
	struct httpd_conn_group *g = ctx;
	struct httpd_conn_list ready = TAILQ_HEAD_INITIALIZER(ready);
	size_t left = DROP_ALL_TICK_BYTES;
	struct httpd_conn *c;

	(void)fd, (void)what;
	TAILQ_CONCAT(&ready, &g->waiting, wait_link);
	while ((c = TAILQ_FIRST(&ready)) != NULL) {
		TAILQ_REMOVE(&ready, c, wait_link);
		c->waits = false;
		if (is_closing(c) && left < DROP_TICK_BYTES) {
			httpd_conn_wait(c);
			continue;
		}
		if (is_closing(c)) {
			left -= DROP_TICK_BYTES;
			c->drop_allowance = DROP_TICK_BYTES;
			stream_pause(c->stream, false);
		}
		httpd_conn_schedule(c);
	}
}

/* Drops what was read. When the allowance is used up, what follows waits in the kernel, and with
 * the client. */
static void drop_input(struct httpd_conn *c)
{
	const size_t n = evbuffer_get_length(stream_in(c->stream));

	evbuffer_drain(stream_in(c->stream), n);
	c->drop_allowance -= n < c->drop_allowance ? n : c->drop_allowance;
	if (c->drop_allowance > 0)
		return;
	stream_pause(c->stream, true);
	httpd_conn_wait(c);
}

static void begin_linger(struct httpd_conn *c)
{
	const unsigned max_s =
		c->group->limits.linger_max_s != 0 ? c->group->limits.linger_max_s : LINGER_MAX_S;

	step(c, HTTPD_CONN_ON_FLUSHED);
	httpd_conn_arm(c, LINGER_S);
	begin_wait(c);
	c->linger_until_us = clock_mono_us() + max_s * UINT64_C(1000000);
}

/* LINGER, the client's time to read, begins when the answer and the end of our direction are out: a
 * client that does not see close_notify must take the answer for one that was cut. A client that
 * has ended its own direction needs no LINGER: it sends nothing to which the kernel would answer
 * with a reset. */
static void work_closing(struct httpd_conn *c)
{
	drop_input(c);
	if (c->unacked.n > 0)
		(void)httpd_conn_look_acked(c);
	if (httpd_conn_is_dead(c) || httpd_conn_unsent(c) || !stream_is_finished(c->stream))
		return;
	if (c->eof)
		httpd_conn_kill(c);
	else if (c->state == HTTPD_CONN_FLUSH)
		begin_linger(c);
}

void httpd_conn_finish(struct httpd_conn *c)
{
	c->drop_allowance = DROP_TICK_BYTES;
	step(c, HTTPD_CONN_ON_CLOSE);
	httpd_conn_arm(c, c->group->limits.send_idle_s);
	stream_finish(c->stream); /* on_drain says when the answer is out */
	work_closing(c);
	if (c->state == HTTPD_CONN_FLUSH)
		begin_wait(c);
}

/* The time of FLUSH or LINGER is over. How long an answer may stay unacknowledged, the sweep
 * decides. */
static void closing_timeout(struct httpd_conn *c, bool in, bool out)
{
	const bool goes_on = c->state == HTTPD_CONN_FLUSH ?
		out || c->unacked.n > 0 :
		in && clock_mono_us() < c->linger_until_us;

	if (goes_on)
		begin_wait(c);
	else
		httpd_conn_kill(c);
}

/* What happens ------------------------------------------------------------- */

static void work(struct httpd_conn *c)
{
	if (c->state == HTTPD_CONN_OPEN)
		c->group->calls->on_work(c);
	else if (is_closing(c))
		work_closing(c);
	c->heard = false;
	if (!httpd_conn_is_dead(c) && c->period_is_new)
		begin_wait(c);
}

static void on_task(struct loop_task *t, void *ctx)
{
	struct httpd_conn *c = ctx;

	(void)t;
	if (httpd_conn_is_dead(c))
		c->group->calls->on_over(c);
	else
		work(c);
}

static void on_ready(struct stream *s, void *ctx)
{
	struct httpd_conn *c = ctx;

	(void)s;
	/* It may have been killed to make room, and its last flight have come in the same turn. */
	if (httpd_conn_is_dead(c))
		return;
	step(c, HTTPD_CONN_ON_READY);
	c->group->calls->on_ready(c);
	if (!httpd_conn_is_dead(c) && c->period_is_new)
		begin_wait(c);
}

static void on_read(struct stream *s, struct evbuffer *in, void *ctx)
{
	struct httpd_conn *c = ctx;

	(void)s, (void)in;
	if (httpd_conn_is_dead(c))
		return;
	c->heard = true;
	work(c);
}

static void on_drain(struct stream *s, void *ctx)
{
	struct httpd_conn *c = ctx;

	(void)s;
	if (c->state == HTTPD_CONN_OPEN)
		c->group->calls->on_room(c);
	if (!httpd_conn_is_dead(c))
		httpd_conn_schedule(c);
}

static void on_end(struct stream *s, enum stream_end why, void *ctx)
{
	struct httpd_conn *c = ctx;

	(void)s;
	c->eof = true;
	if (!httpd_conn_is_dead(c))
		c->group->calls->on_end(c, why);
	if (why != STREAM_EOF || c->state == HTTPD_CONN_HANDSHAKE)
		httpd_conn_kill(c);
	else
		httpd_conn_schedule(c);
}

static void on_timer(evutil_socket_t fd, short what, void *ctx)
{
	struct httpd_conn *c = ctx;
	uint64_t in, out;

	(void)fd, (void)what;
	if (httpd_conn_is_dead(c) || !due(c))
		return;
	stream_progress(c->stream, &in, &out);
	if (c->state == HTTPD_CONN_OPEN)
		c->group->calls->on_timeout(c, in != c->seen_in, out != c->seen_out);
	else
		closing_timeout(c, in != c->seen_in, out != c->seen_out);
	httpd_conn_schedule(c);
}

/* What the layers above ask ------------------------------------------------ */

void httpd_conn_group_init(struct httpd_conn_group *g, struct loop *l,
	const struct httpd_limits *limits, const struct httpd_conn_calls *calls)
{
	*g = (struct httpd_conn_group){.loop = l, .limits = *limits, .calls = calls};
	TAILQ_INIT(&g->waiting);
	event_assign(&g->tick, loop_base(l), -1, 0, on_tick, g);
}

void httpd_conn_group_end(struct httpd_conn_group *g)
{
	event_del(&g->tick);
}

int httpd_conn_open(struct httpd_conn *c, struct httpd_conn_group *g, int fd, SSL *ssl)
{
	static const struct stream_cb cb = {
		.on_ready = on_ready, .on_read = on_read, .on_drain = on_drain, .on_end = on_end};
	const struct stream_opts opts = {.in_max = BUFFER_IN_MAX_BYTES,
		.out_low = BUFFER_OUT_LOW_BYTES,
		.ready_timeout_s = g->limits.handshake_timeout_s};

	c->group = g;
	c->state = HTTPD_CONN_HANDSHAKE;
	unacked_init(&c->unacked);
	c->task = (struct loop_task){.run = on_task, .ctx = c};
	event_assign(&c->timer, loop_base(g->loop), -1, 0, on_timer, c);
	c->stream = stream_accept(g->loop, fd, ssl, &opts, &cb, c);
	return c->stream != NULL ? 0 : TG_ENOMEM;
}

uint64_t httpd_conn_look_acked(struct httpd_conn *c)
{
	const uint64_t acked = stream_acked(c->stream);

	unacked_advance(&c->unacked, acked);
	if (c->unacked.n == 0 && is_closing(c))
		httpd_conn_schedule(c);
	return acked;
}

void httpd_conn_set_abortive(struct httpd_conn *c)
{
	if (c->close_as != HTTPD_CONN_IN_ORDER || httpd_conn_is_dead(c))
		return;
	c->close_as = HTTPD_CONN_RESET_IF_UNACKED;
	stream_set_abortive(c->stream, true);
}

void httpd_conn_sweep(struct httpd_conn *c)
{
	uint64_t in, out;

	if (c->state == HTTPD_CONN_HANDSHAKE)
		return;
	stream_progress(c->stream, &in, &out);
	const bool idle = in == c->swept_in && out == c->swept_out;
	if (idle && !c->swept_idle)
		stream_release_buffers(c->stream);
	c->swept_idle = idle;
	c->swept_in = in;
	c->swept_out = out;
	if (httpd_conn_is_dead(c) || c->unacked.n == 0)
		return;
	(void)httpd_conn_look_acked(c);
	if (!httpd_conn_is_dead(c) &&
		unacked_stalled(&c->unacked, c->group->limits.send_idle_s * UINT64_C(1000000)))
		httpd_conn_kill(c);
}

void httpd_conn_settle(struct httpd_conn *c, bool whole)
{
	step(c, HTTPD_CONN_ON_KILL);
	if (c->unacked.n > 0 && c->close_as != HTTPD_CONN_RESET)
		(void)httpd_conn_look_acked(c);
	if (c->close_as == HTTPD_CONN_RESET_IF_UNACKED && whole && c->unacked.n == 0)
		stream_set_abortive(c->stream, false);
	unacked_drop(&c->unacked);
}

void httpd_conn_close(struct httpd_conn *c)
{
	if (c->waits)
		TAILQ_REMOVE(&c->group->waiting, c, wait_link);
	event_del(&c->timer);
	loop_cancel(c->group->loop, &c->task);
	stream_free(c->stream);
}
