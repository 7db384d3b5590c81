/*
 * stream.c: the life of a connection: connect, handshake, read, flush once per turn, end. It knows
 * no protocol and no timeout but the one until it is ready. Runs in every process that has streams.
 *
 * Edge-triggered: the kernel reports a change once, so what may be tried is kept in io.can_read and
 * io.can_write until EAGAIN. Reading happens where the edge is reported; writing in a task at the
 * end of the turn, so that everything a turn produced leaves together. Whatever stops reading early
 * (pause, a full buffer, the turn's budget) must re-queue the task, because no edge will come
 * again.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include <event2/event.h>
#include "net/buffer_policy.h"
#include "net/stream.h"
#include "net/stream_int.h"

static void on_event(evutil_socket_t fd, short what, void *arg);
static void on_timer(evutil_socket_t fd, short what, void *arg);
static void on_task(struct loop_task *t, void *ctx);

/* Making and unmaking ------------------------------------------------------ */

static void destroy(struct stream *s)
{
	evbuffer_free(s->in);
	evbuffer_free(s->out);
	free(s);
}

static void begin_callbacks(struct stream *s)
{
	s->depth++;
}

static void end_callbacks(struct stream *s)
{
	if (--s->depth == 0 && s->state == STREAM_STATE_FREED)
		destroy(s);
}

static void step(struct stream *s, enum stream_event e)
{
	s->state = stream_state_next(s->state, e);
}

static struct stream *stream_alloc(void)
{
	struct stream *s = calloc(1, sizeof *s);

	if (!s)
		return NULL;
	s->in = evbuffer_new();
	s->out = evbuffer_new();
	if (s->in && s->out)
		return s;
	if (s->in)
		evbuffer_free(s->in);
	if (s->out)
		evbuffer_free(s->out);
	free(s);
	return NULL;
}

static struct stream *stream_new(struct loop *l, int fd, SSL *ssl, bool server,
	const struct stream_opts *o, const struct stream_cb *cb, void *ctx)
{
	static const struct stream_opts defaults;
	const int one = 1;
	struct stream *s = stream_alloc();

	if (!s) {
		SSL_free(ssl);
		close(fd);
		errno = ENOMEM;
		return NULL;
	}
	if (!o)
		o = &defaults;
	s->loop = l;
	s->cb = cb;
	s->ctx = ctx;
	s->in_max = o->in_max ? o->in_max : BUFFER_STREAM_IN_MAX_BYTES;
	s->read_size = o->read_size ? o->read_size : BUFFER_READ_BYTES;
	s->out_low = o->out_low ? o->out_low : BUFFER_OUT_LOW_BYTES;
	s->task = (struct loop_task){.run = on_task, .ctx = s};
	bool made = stream_io_init(&s->io, fd, ssl, server);
	/* A unix socket has no Nagle to switch off: failing is fine. */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	event_assign(&s->ev, loop_base(l), fd, EV_READ | EV_WRITE | EV_CLOSED | EV_ET | EV_PERSIST,
		on_event, s);
	event_assign(&s->timer, loop_base(l), -1, 0, on_timer, s);
	if (!made || event_add(&s->ev, NULL) < 0 ||
		(o->ready_timeout_s &&
			event_add(&s->timer, loop_timeout(l, o->ready_timeout_s)) < 0)) {
		stream_free(s);
		errno = ENOMEM;
		return NULL;
	}
	return s;
}

struct stream *stream_accept(struct loop *l, int fd, SSL *ssl, const struct stream_opts *o,
	const struct stream_cb *cb, void *ctx)
{
	struct stream *s = stream_new(l, fd, ssl, true, o, cb, ctx);

	if (s) {
		s->state = ssl ? STREAM_STATE_HANDSHAKE : STREAM_STATE_READY;
		loop_defer(l, &s->task);
	}
	return s;
}

/* Begins to connect. Returns the descriptor, or -1 with errno. */
static int dial(const struct sockaddr *addr, socklen_t len, bool *waiting)
{
	int fd = socket(addr->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, addr, len) == 0)
		return fd;
	*waiting = errno == EINPROGRESS;
	if (*waiting)
		return fd;
	int saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

struct stream *stream_connect(struct loop *l, const struct sockaddr *addr, socklen_t len, SSL *ssl,
	const struct stream_opts *o, const struct stream_cb *cb, void *ctx)
{
	bool waiting = false;
	int fd = dial(addr, len, &waiting);
	struct stream *s;

	if (fd < 0) {
		int saved = errno;

		SSL_free(ssl);
		errno = saved;
		return NULL;
	}
	s = stream_new(l, fd, ssl, false, o, cb, ctx);
	if (!s)
		return NULL;
	s->state = waiting ? STREAM_STATE_CONNECTING :
		ssl        ? STREAM_STATE_HANDSHAKE :
			     STREAM_STATE_READY;
	if (waiting)
		s->io.can_read = s->io.can_write = false;
	else
		loop_defer(l, &s->task);
	return s;
}

void stream_free(struct stream *s)
{
	if (!s || s->state == STREAM_STATE_FREED)
		return;
	step(s, STREAM_EV_FREE);
	event_del(&s->ev);
	event_del(&s->timer);
	loop_cancel(s->loop, &s->task);
	stream_io_close(&s->io);
	if (s->depth == 0)
		destroy(s);
}

/* What happens ------------------------------------------------------------- */

static void end(struct stream *s, enum stream_end why)
{
	if (why == STREAM_EOF) {
		s->eof = true;
		s->io.can_read = false;
	} else {
		step(s, STREAM_EV_FAILED);
		event_del(&s->ev);
		event_del(&s->timer);
		loop_cancel(s->loop, &s->task);
	}
	if (s->cb->on_end)
		s->cb->on_end(s, why, s->ctx);
}

static void end_io(struct stream *s, ssize_t failed)
{
	end(s, failed == IO_EOF ? STREAM_EOF : failed == IO_TLS ? STREAM_TLS : STREAM_ERROR);
}

static bool alive(const struct stream *s)
{
	return s->state == STREAM_STATE_OPEN;
}

/* Takes the stream towards STREAM_STATE_OPEN as far as it goes now. */
static void advance(struct stream *s)
{
	if (s->state == STREAM_STATE_CONNECTING && s->io.can_write) {
		int failed = stream_io_error(&s->io);

		if (failed != 0) {
			errno = failed; /* for on_end */
			end(s, STREAM_ERROR);
			return;
		}
		s->io.can_read = true;
		step(s, s->io.ssl ? STREAM_EV_CONNECTED_TLS : STREAM_EV_CONNECTED);
	}
	if (s->state == STREAM_STATE_HANDSHAKE) {
		int rc = stream_io_handshake(&s->io);

		if (rc < 0)
			end_io(s, rc);
		if (rc != 1)
			return;
		step(s, STREAM_EV_SECURED);
	}
	if (s->state == STREAM_STATE_READY) {
		step(s, STREAM_EV_READY_TOLD);
		event_del(&s->timer);
		if (s->cb->on_ready)
			s->cb->on_ready(s, s->ctx);
		if (alive(s))
			/* what was written before, and what the peer sent with its last flight */
			loop_defer(s->loop, &s->task);
	}
}

static void on_taken(struct evbuffer *in, const struct evbuffer_cb_info *info, void *arg)
{
	struct stream *s = arg;

	if (info->n_deleted > 0 && evbuffer_get_length(in) < s->in_max &&
		s->state != STREAM_STATE_FREED)
		loop_defer(s->loop, &s->task);
}

static void stall(struct stream *s)
{
	if (!s->stalled)
		s->stalled = evbuffer_add_cb(s->in, on_taken, s);
}

static void unstall(struct stream *s)
{
	if (s->stalled && evbuffer_get_length(s->in) < s->in_max) {
		evbuffer_remove_cb_entry(s->in, s->stalled);
		s->stalled = NULL;
	}
}

static void do_read(struct stream *s)
{
	size_t budget = BUFFER_TURN_BYTES;

	/* Behind a FIN, a paused stream is read, too: only what the kernel still has can come, and
	 * then the end, for which somebody may be waiting. */
	while (alive(s) && (!s->paused || s->io.sock.hup) && s->io.can_read && !s->eof) {
		ssize_t n;

		if (evbuffer_get_length(s->in) >= s->in_max) {
			stall(s);
			return;
		}
		if (budget == 0) {
			loop_defer(s->loop, &s->task);
			return;
		}
		n = stream_io_read(&s->io, s->in, s->read_size);
		if (n == IO_BLOCKED && s->release_after_read &&
			budget > BUFFER_TURN_BYTES - BUFFER_RELEASE_BELOW_BYTES)
			stream_io_release_buffers(&s->io);
		if (n == IO_BLOCKED)
			return;
		if (n < 0) {
			end_io(s, n);
			return;
		}
		size_t cost = stream_io_charge(&s->io, n);

		s->in_bytes += (uint64_t)n;
		budget = cost < budget ? budget - cost : 0;
		s->read_again = false;
		s->cb->on_read(s, s->in, s->ctx);
	}
}

static void try_finish(struct stream *s)
{
	int rc;

	if (!alive(s) || s->output != OUT_FINISHING || !s->io.can_write || stream_unsent(s) > 0)
		return;
	rc = stream_io_finish(&s->io);
	if (rc < 0)
		end_io(s, rc);
	else if (rc == 1) {
		s->output = OUT_FINISHED;
		s->was_high = true; /* so that on_drain is called */
	}
}

/* Writes as much as the socket takes. With TLS more may be unsent than before: records are longer
 * than what they hold. */
static ssize_t put_out(struct stream *s)
{
	ssize_t n = stream_io_flush(&s->io, s->out, BUFFER_TURN_BYTES);

	if (n > 0)
		s->out_bytes += (uint64_t)n;
	if (stream_unsent(s) > s->out_low)
		s->was_high = true;
	return n;
}

static void flush(struct stream *s)
{
	if (alive(s) && s->io.can_write && s->output != OUT_FINISHED && stream_unsent(s) > 0) {
		ssize_t n = put_out(s);

		if (n < 0) {
			end_io(s, n);
			return;
		}
		if (s->io.can_write && stream_unsent(s) > 0)
			loop_defer(s->loop, &s->task);
	}
	try_finish(s);
	if (alive(s) && s->was_high && stream_unsent(s) <= s->out_low) {
		s->was_high = false;
		if (s->cb->on_drain)
			s->cb->on_drain(s, s->ctx);
	}
}

/* Ends the stream if it was reset while nothing reads: a read would not find it, and the kernel
 * reports it once. */
static bool broken_unread(struct stream *s)
{
	if (s->state != STREAM_STATE_OPEN || (!s->eof && !s->paused && !s->stalled) ||
		stream_io_error(&s->io) == 0)
		return false;
	end(s, STREAM_ERROR);
	return true;
}

static void on_event(evutil_socket_t fd, short what, void *arg)
{
	struct stream *s = arg;

	(void)fd;
	begin_callbacks(s);
	stream_io_event(&s->io, what);
	if (!(what & EV_READ) || !broken_unread(s)) {
		if (s->state < STREAM_STATE_OPEN)
			advance(s);
		if (what & (EV_READ | EV_CLOSED) || s->io.can_read)
			do_read(s);
		if (alive(s) && s->io.can_write &&
			(stream_unsent(s) > 0 || s->output == OUT_FINISHING))
			loop_defer(s->loop, &s->task);
	}
	end_callbacks(s);
}

static void on_task(struct loop_task *t, void *ctx)
{
	struct stream *s = ctx;

	(void)t;
	begin_callbacks(s);
	s->flush_follows = true;
	if (s->state < STREAM_STATE_OPEN)
		advance(s);
	unstall(s);
	if (alive(s) && s->read_again && !s->paused) {
		s->read_again = false;
		if (evbuffer_get_length(s->in) > 0)
			s->cb->on_read(s, s->in, s->ctx);
	}
	do_read(s);
	s->flush_follows = false;
	if (alive(s) && s->flush_failed != 0)
		end_io(s, s->flush_failed);
	if (alive(s))
		flush(s);
	end_callbacks(s);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct stream *s = arg;

	(void)fd, (void)what;
	begin_callbacks(s);
	if (s->state < STREAM_STATE_OPEN)
		end(s, STREAM_TIMEOUT);
	end_callbacks(s);
}

/* What the owner asks for -------------------------------------------------- */

size_t stream_unsent(const struct stream *s)
{
	return evbuffer_get_length(s->out) + stream_io_unsent(&s->io);
}

void stream_flush_later(struct stream *s)
{
	if (stream_unsent(s) > s->out_low)
		s->was_high = true;
	if (s->state == STREAM_STATE_OPEN && !s->flush_follows && s->io.can_write)
		loop_defer(s->loop, &s->task);
}

void stream_flush_now(struct stream *s)
{
	ssize_t n;

	if (s->state != STREAM_STATE_OPEN || s->output == OUT_FINISHED || s->flush_failed != 0 ||
		!s->io.can_write || stream_unsent(s) == 0)
		return;
	n = put_out(s);
	if (n < 0)
		s->flush_failed = n;
	loop_defer(s->loop, &s->task);
}
