/*
 * stream_control.c: what the owner of a stream asks for between two callbacks (stream.h). It notes
 * what is wanted, and queues the stream's task where something is to be done; the work is
 * stream.c's. Runs in every process that has streams.
 */
#include <sys/socket.h>
#include "net/buffer_policy.h"
#include "net/stream.h"
#include "net/stream_int.h"

struct evbuffer *stream_in(struct stream *s)
{
	return s->in;
}

struct evbuffer *stream_out(struct stream *s)
{
	return s->out;
}

uint64_t stream_written(const struct stream *s)
{
	return s->io.sock.written;
}

uint64_t stream_acked(const struct stream *s)
{
	return stream_io_acked(&s->io);
}

void stream_pause(struct stream *s, bool on)
{
	if (s->paused == on)
		return;
	s->paused = on;
	if (!on && s->state == STREAM_STATE_OPEN) {
		s->read_again = true;
		loop_defer(s->loop, &s->task);
	}
}

void stream_finish(struct stream *s)
{
	if (s->output == OUT_OPEN)
		s->output = OUT_FINISHING;
	if (s->state == STREAM_STATE_OPEN)
		loop_defer(s->loop, &s->task);
}

bool stream_is_finished(const struct stream *s)
{
	return s->output == OUT_FINISHED;
}

void stream_set_unit(struct stream *s, size_t bytes)
{
	s->io.unit = bytes;
}

void stream_set_release_after_read(struct stream *s, bool on)
{
	s->release_after_read = on;
}

void stream_set_read_size(struct stream *s, size_t bytes)
{
	s->read_size = bytes;
}

void stream_set_out_low(struct stream *s, size_t bytes)
{
	s->out_low = bytes;
}

void stream_recheck(struct stream *s)
{
	if (s->state != STREAM_STATE_OPEN || s->eof)
		return;
	s->io.sock.readable = true; /* for the read that is under way, too */
	if (s->io.can_read)
		return;
	s->io.can_read = true;
	loop_defer(s->loop, &s->task);
}

void stream_release_buffers(struct stream *s)
{
	if (s->state == STREAM_STATE_OPEN)
		stream_io_release_buffers(&s->io);
}

void stream_progress(const struct stream *s, uint64_t *in_bytes, uint64_t *out_bytes)
{
	*in_bytes = s->in_bytes;
	*out_bytes = s->out_bytes - stream_io_unsent(&s->io);
}

SSL *stream_ssl(struct stream *s)
{
	return s->io.ssl;
}

void stream_set_abortive(struct stream *s, bool on)
{
	const struct linger at_once = {.l_onoff = on};

	/* fails on a unix socket, which keeps nothing back anyway */
	(void)setsockopt(s->io.sock.fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}
