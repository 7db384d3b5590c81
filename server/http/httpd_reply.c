/*
 * httpd_reply.c: see httpd_reply.h. It does not know what is asked, and decides nothing about the
 * requests that follow this one. Runs in workers.
 *
 * What stands in the kernel's send buffer can still be taken back. So a revocable answer stays with
 * its handler until the peer's kernel has it, while the connection serves its next requests.
 */
#include "base/text.h"
#include "http/httpd_reply.h"
#include "http/httpd_reply_int.h"
#include "http/reason.h"
#include "net/buffer_policy.h"

#define HEAD_FIXED "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n"
#define CONTINUE "HTTP/1.1 100 Continue\r\n\r\n"
#define HEAD_MAX 1536u /* bytes, with the fields of the caller */
/* To ask the kernel costs a system call. From so many unacknowledged answers on one connection on,
 * it is asked with each further one. */
#define LOOK_FROM 4u

static bool can_begin(const struct httpd_reply *rep)
{
	return rep->progress == HTTPD_REPLY_NONE && !httpd_conn_is_dead(rep->conn);
}

void httpd_reply_continue(struct httpd_reply *rep)
{
	if (!can_begin(rep))
		return;
	evbuffer_add(stream_out(rep->conn->stream), CONTINUE, sizeof CONTINUE - 1);
	stream_flush_later(rep->conn->stream);
}

/* n bytes of content were put into the output. */
static void given(struct httpd_reply *rep, size_t n)
{
	rep->left -= n;
	rep->content_bytes += n;
	if (rep->left == 0)
		rep->progress = HTTPD_REPLY_WHOLE;
	if (rep->left == 0 && rep->revocable)
		stream_set_out_low(rep->conn->stream, 0);
	stream_flush_later(rep->conn->stream);
	httpd_conn_schedule(rep->conn);
}

void httpd_reply_begin(
	struct httpd_reply *rep, int status, const char *fields, const char *type, uint64_t length)
{
	struct httpd_conn *c = rep->conn;
	char head[HEAD_MAX];

	if (!can_begin(rep))
		return;
	rep->progress = HTTPD_REPLY_BEGUN;
	rep->status = status;
	if (rep->content_unread || c->group->draining)
		rep->close = true;
	struct text t = text_in(head, sizeof head);
	text_add(&t, "HTTP/1.1 ");
	text_num(&t, status);
	text_join(&t, " ", reason_phrase(status), "\r\n");
	if (type != NULL)
		text_join(&t, "Content-Type: ", type, "\r\n");
	text_add(&t, "Content-Length: ");
	text_num(&t, (int64_t)length);
	text_join(&t, "\r\nRequest-Id: ", rep->id, "\r\n", fields != NULL ? fields : "", HEAD_FIXED,
		rep->close ? "Connection: close\r\n" : "", "\r\n");
	if (t.at == t.end || evbuffer_add(stream_out(c->stream), head, text_len(&t)) != 0)
		httpd_conn_kill(c); /* half a head cannot be followed by anything */
	rep->left = rep->without_content ? 0 : length;
	given(rep, 0);
}

/* Returns whether n bytes of content are to be sent. To HEAD they are not. More than was announced
 * is a mistake of the caller, and ends the connection. */
static bool takes(struct httpd_reply *rep, size_t n)
{
	if (n == 0 || (rep->progress != HTTPD_REPLY_NONE && rep->without_content))
		return false;
	if (!httpd_conn_is_dead(rep->conn) && n <= rep->left)
		return true;
	httpd_reply_abort(rep);
	return false;
}

void httpd_reply_copy(struct httpd_reply *rep, const void *p, size_t n)
{
	if (!takes(rep, n))
		return;
	if (evbuffer_add(stream_out(rep->conn->stream), p, n) != 0)
		httpd_conn_kill(rep->conn);
	given(rep, n);
}

void httpd_reply(struct httpd_reply *rep, int status, const char *fields, const char *type,
	const void *body, size_t n)
{
	if (!can_begin(rep))
		return;
	httpd_reply_begin(rep, status, fields, type, n);
	httpd_reply_copy(rep, body, n);
}

void httpd_reply_data(struct httpd_reply *rep, struct evbuffer *data)
{
	const size_t n = evbuffer_get_length(data);

	if (!takes(rep, n)) {
		evbuffer_drain(data, n);
		return;
	}
	if (evbuffer_add_buffer(stream_out(rep->conn->stream), data) != 0)
		httpd_conn_kill(rep->conn);
	given(rep, n);
}

size_t httpd_reply_room(const struct httpd_reply *rep)
{
	const size_t used = stream_unsent(rep->conn->stream),
		     window = rep->conn->group->limits.reply_window_bytes;

	return used < window ? window - used : 0;
}

void httpd_reply_abort(struct httpd_reply *rep)
{
	httpd_conn_kill(rep->conn);
}

/* Revocable answers -------------------------------------------------------- */

bool httpd_reply_is_sent(const struct httpd_reply *rep)
{
	return stream_unsent(rep->conn->stream) <= (rep->revocable ? 0 : BUFFER_OUT_LOW_BYTES);
}

void httpd_reply_set_revocable(struct httpd_reply *rep)
{
	rep->revocable = true;
	httpd_conn_set_abortive(rep->conn);
}

void httpd_reply_await_ack(struct httpd_reply *rep, unacked_cb *cb)
{
	struct httpd_conn *c = rep->conn;

	stream_set_out_low(c->stream, BUFFER_OUT_LOW_BYTES);
	unacked_add(&c->unacked, &rep->unacked, stream_written(c->stream), cb);
	if (c->unacked.n >= LOOK_FROM)
		(void)httpd_conn_look_acked(c);
}

bool httpd_reply_is_acked(struct httpd_reply *rep)
{
	const uint64_t upto = rep->unacked.upto;

	/* The request may be freed by this look. */
	return upto != 0 && httpd_conn_look_acked(rep->conn) >= upto;
}

void httpd_reply_revoke(struct httpd_reply *rep)
{
	struct httpd_conn *c = rep->conn;

	if (httpd_reply_is_acked(rep))
		return;
	c->close_as = HTTPD_CONN_RESET;
	httpd_conn_kill(c);
}
