/*
 * httpd_req.c: see httpd_req.h. It keeps the head, moves the content to the handler, and tells the
 * handler the end. It decides nothing about the connection (httpd_pipeline.c) and writes no answer
 * (httpd_reply.c). Runs in workers.
 */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>
#include <timeglas/errors.h>

#include "base/clock.h"
#include "base/random.h"
#include "core/hex.h"
#include "http/httpd_req.h"
#include "http/httpd_req_int.h"
#include "net/buffer_policy.h"

void httpd_req_ids_init(struct httpd_req_ids *ids)
{
	ids->n = 0;
	random_fill(ids->key, sizeof ids->key);
}

/* Hashed, so that no peer learns from its ids how many requests others send. As good as unique in
 * 64 bits. */
static void name_request(struct httpd_req *r, struct httpd_req_ids *ids)
{
	uint8_t hash[crypto_shorthash_BYTES];
	const uint64_t n = ids->n++;

	_Static_assert(sizeof ids->key == crypto_shorthash_KEYBYTES, "a key of SipHash");
	_Static_assert(sizeof r->id == HTTPD_REQ_ID_CHARS + 1, "id is as long as it says");
	_Static_assert(2 * sizeof hash == HTTPD_REQ_ID_CHARS, "two digits a byte");
	crypto_shorthash(hash, (const unsigned char *)&n, sizeof n, ids->key);
	(void)tg_hex_encode(hash, sizeof hash, r->id);
}

static void size_reads(const struct httpd_req *r)
{
	struct stream *s = r->reply.conn->stream;

	stream_set_read_size(s, buffer_policy_read_size(r->want, evbuffer_get_length(r->data)));
	stream_set_release_after_read(
		s, buffer_policy_release_after_read(r->body.chunked, r->body.left));
}

static int begin_content(struct httpd_req *r)
{
	h1_body_init(&r->body, &r->head);
	r->reply.close = r->head.close;
	r->reply.without_content = r->head.method == H1_HEAD;
	r->continue_due = r->head.expect_continue;
	if (!r->head.chunked && r->head.content_length == 0)
		return 0;
	r->content = HTTPD_REQ_COMING;
	r->reply.content_unread = true;
	if ((r->data = evbuffer_new()) == NULL)
		return TG_ENOMEM;
	size_reads(r);
	return 0;
}

struct httpd_req *httpd_req_new(struct httpd_conn *c, struct httpd_req_ids *ids, uint64_t began_us,
	const char *p, size_t n, int *err, const char **why)
{
	struct httpd_req *r = malloc(sizeof *r + n);

	if (r == NULL)
		return NULL;
	memset(r, 0, offsetof(struct httpd_req, head));
	memcpy(r->text, p, n);
	name_request(r, ids);
	r->reply.conn = c;
	r->reply.id = r->id;
	r->began_us = began_us;
	r->content = HTTPD_REQ_HERE;
	if ((*err = h1_head_parse(r->text, n, &r->head, why)) != 0) {
		r->reply.close = true;
		r->head.method = H1_OTHER;
		r->head.expect_continue = false;
		return r;
	}
	if (begin_content(r) != 0) {
		free(r);
		return NULL;
	}
	return r;
}

/* Content ------------------------------------------------------------------ */

static void content_is_here(struct httpd_req *r)
{
	r->content = HTTPD_REQ_HERE;
	r->reply.content_unread = false;
}

/* Moves n bytes of content at most, as many as the window takes. Returns whether to go on. */
static bool take_content(struct httpd_req *r, struct evbuffer *in, size_t n, int *err)
{
	const size_t window =
		r->reply.conn->group->limits.body_window_bytes - evbuffer_get_length(r->data);

	if (n > window)
		n = window;
	if ((*err = buffer_policy_move(in, r->data, n, !r->body.chunked && n == r->body.left)) != 0)
		return false;
	h1_body_consumed(&r->body, n);
	r->in_bytes += n;
	if (r->body.chunked || r->body.left > 0)
		return true;
	content_is_here(r);
	return false;
}

/* Reads the next bytes of `in`, framing or content. Returns whether to go on. */
static bool read_some(struct httpd_req *r, struct evbuffer *in, int *err)
{
	struct evbuffer_iovec v;
	size_t skip = 0, n = 0, len = evbuffer_get_length(in);

	if (len == 0 ||
		evbuffer_get_length(r->data) >= r->reply.conn->group->limits.body_window_bytes)
		return false;
	if (evbuffer_peek(in, 1, NULL, &v, 1) < 1)
		return false;
	/* Content of known length has no framing: all of `in` counts, whatever the chains. */
	size_t look = r->body.chunked ? v.iov_len : len;
	enum h1_step what = h1_body_step(&r->body, v.iov_base, look, &skip, &n);
	evbuffer_drain(in, skip);
	switch (what) {
	case H1_BAD:
		*err = TG_EINVAL;
		return false;
	case H1_NEED:
		return true;
	case H1_DONE:
		content_is_here(r);
		return false;
	case H1_DATA:
		break;
	}
	return take_content(r, in, n, err);
}

static bool cannot_deliver(const struct httpd_req *r)
{
	return r->paused || r->reply.progress != HTTPD_REPLY_NONE ||
		httpd_conn_is_dead(r->reply.conn) || r->handler == NULL;
}

/* Returns whether it is time to deliver the len bytes that wait. */
static bool worth_a_call(const struct httpd_req *r, size_t len)
{
	return r->content != HTTPD_REQ_COMING || r->left ||
		len >= r->reply.conn->group->limits.body_window_bytes ||
		buffer_policy_deliver(len, r->in_bytes - len);
}

/* Returns whether the handler has taken any of it. If not, the handler says when it has room. */
static bool deliver(struct httpd_req *r)
{
	const size_t before = r->data != NULL ? evbuffer_get_length(r->data) : 0;

	if (before == 0 || !worth_a_call(r, before))
		return false;
	if (r->handler->on_body != NULL)
		r->handler->on_body(r, r->data, r->ctx);
	else
		evbuffer_drain(r->data, before);
	r->left = evbuffer_get_length(r->data) > 0;
	return evbuffer_get_length(r->data) != before;
}

static void deliver_end(struct httpd_req *r)
{
	if (r->content != HTTPD_REQ_HERE || cannot_deliver(r) ||
		(r->data != NULL && evbuffer_get_length(r->data) > 0))
		return;
	r->content = HTTPD_REQ_TAKEN;
	if (r->handler->on_end != NULL)
		r->handler->on_end(r, r->ctx);
}

int httpd_req_read(struct httpd_req *r)
{
	struct evbuffer *in = stream_in(r->reply.conn->stream);
	int err = 0;

	if (cannot_deliver(r))
		return 0;
	if (r->continue_due && evbuffer_get_length(in) == 0 && r->content == HTTPD_REQ_COMING) {
		r->continue_due = false;
		httpd_reply_continue(&r->reply);
		return 0;
	}
	do {
		while (r->content == HTTPD_REQ_COMING && read_some(r, in, &err))
			;
		if (err != 0)
			return err;
	} while (deliver(r) && !cannot_deliver(r));
	if (r->content == HTTPD_REQ_COMING)
		size_reads(r);
	deliver_end(r);
	return 0;
}

bool httpd_req_cut_short(const struct httpd_req *r)
{
	const size_t have = evbuffer_get_length(stream_in(r->reply.conn->stream));

	return r->content == HTTPD_REQ_COMING &&
		(r->body.chunked ? have == 0 : have < r->body.left);
}

/* Its end ------------------------------------------------------------------ */

void httpd_req_detach(struct httpd_req *r, bool ok)
{
	const struct httpd_handler *handler = r->handler;

	r->handler = NULL;
	if (handler != NULL)
		handler->on_done(r, ok, r->ctx);
}

void httpd_req_leave(struct httpd_req *r)
{
	struct stream *s = r->reply.conn->stream;

	if (r->data != NULL) {
		stream_set_read_size(s, BUFFER_READ_BYTES);
		stream_set_release_after_read(s, false);
	}
	if (r->paused)
		stream_pause(s, false);
}

void httpd_req_free(struct httpd_req *r, bool ok)
{
	httpd_req_detach(r, ok);
	if (r->data != NULL)
		evbuffer_free(r->data);
	free(r);
}

/* What the handler asks ---------------------------------------------------- */

const struct h1_head *httpd_req_head(const struct httpd_req *r)
{
	return &r->head;
}

void *httpd_req_peer(const struct httpd_req *r)
{
	return r->reply.conn->peer;
}

struct httpd_reply *httpd_req_reply(struct httpd_req *r)
{
	return &r->reply;
}

uint64_t httpd_req_age_us(const struct httpd_req *r)
{
	return clock_mono_us() - r->began_us;
}

const char *httpd_req_id(const struct httpd_req *r)
{
	return r->id;
}

void httpd_req_label(struct httpd_req *r, const char *call)
{
	r->label = call;
}

const char *httpd_req_get_label(const struct httpd_req *r)
{
	return r->label;
}

void httpd_req_handle(struct httpd_req *r, const struct httpd_handler *h, void *ctx)
{
	r->handler = h;
	r->ctx = ctx;
}

static bool content_is_awaited(const struct httpd_req *r)
{
	return r->content == HTTPD_REQ_COMING && r->reply.progress == HTTPD_REPLY_NONE &&
		!httpd_conn_is_dead(r->reply.conn);
}

void httpd_req_pause(struct httpd_req *r, bool on)
{
	struct httpd_conn *c = r->reply.conn;

	r->paused = on;
	/* Nothing was read during the pause, so the client has all of its time again to send the
	 * next bytes. What stands here is offered before more is read. */
	if (!on && content_is_awaited(r))
		httpd_conn_rearm(c);
	if (!on)
		httpd_conn_schedule(c);
	stream_pause(c->stream, on);
}

void httpd_req_want(struct httpd_req *r, size_t bytes)
{
	r->want = bytes;
}

void httpd_req_brief(struct httpd_req *r)
{
	struct httpd_conn *c = r->reply.conn;

	if (content_is_awaited(r))
		httpd_conn_limit(c, c->group->limits.head_timeout_s);
}
