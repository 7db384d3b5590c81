/*
 * httpd_req.c: one request: its head's copy, its content on the way to the handler, its end. It
 * decides nothing about the connection (httpd.c) and writes nothing (httpd_reply.c). Runs in
 * workers.
 */
#include <stdlib.h>
#include <string.h>

#include <sodium.h>
#include <timeglas/errors.h>

#include "base/clock.h"
#include "http/httpd_int.h"
#include "net/compact.h"

#define READ_BYTES 65536u
/* pieces are delivered from this size on; smaller ones wait for more */
#define GATHER_BYTES 4096u
/* so much content still to come is worth giving memory back for, should it come slowly */
#define RELEASE_FROM_BYTES 65536u

/* Reads as large as what the handler still wants in one piece; but whatever is less than a piece
 * that is delivered is no reason for many reads. */
static void size_reads(const struct httpd_req *r)
{
	struct stream *s = r->conn->stream;
	const size_t have = evbuffer_get_length(r->data),
		     n = r->want > have ? r->want - have : READ_BYTES;
	stream_set_read_size(s, n > GATHER_BYTES ? n : GATHER_BYTES);
	stream_set_release_after_read(s, r->body.chunked || r->body.left > RELEASE_FROM_BYTES);
}

/* A counter, keyed so that no peer learns from it how many others ask. Unique as far as 64 bits go.
 */
static void name_request(struct httpd_req *r, struct httpd *h)
{
	uint8_t hash[crypto_shorthash_BYTES];
	const uint64_t n = h->requests++;
	crypto_shorthash(hash, (const unsigned char *)&n, sizeof n, h->id_key);
	sodium_bin2hex(r->id, sizeof r->id, hash, sizeof hash);
}

struct httpd_req *req_new(struct conn *c, const char *p, size_t n, int *err, const char **why)
{
	struct httpd_req *r = malloc(sizeof *r + n);
	if (r == NULL)
		return NULL;
	memset(r, 0, offsetof(struct httpd_req, head));
	memcpy(r->text, p, n);
	r->conn = c;
	name_request(r, c->httpd);
	r->began_us = c->head_us;
	if ((*err = h1_head_parse(r->text, n, &r->head, why)) != 0) {
		r->close = true;
		r->head.method = H1_OTHER;
		r->head.expect_continue = false;
		r->content_done = true;
		return r;
	}
	h1_body_init(&r->body, &r->head);
	r->close = r->head.close;
	r->continue_due = r->head.expect_continue;
	r->content_done = !r->head.chunked && r->head.content_length == 0;
	if (!r->content_done) {
		if ((r->data = evbuffer_new()) == NULL) {
			free(r);
			return NULL;
		}
		size_reads(r);
	}
	return r;
}

/* The next bytes of `in` as the framing sees them; moves content to r->data. Returns whether to go
 * on. */
static bool step(struct httpd_req *r, struct evbuffer *in, int *err)
{
	struct evbuffer_iovec v;
	size_t skip = 0, data = 0, len = evbuffer_get_length(in),
	       window = r->conn->httpd->limits.body_window_bytes;
	if (len == 0 || evbuffer_get_length(r->data) >= window)
		return false;
	if (evbuffer_peek(in, 1, NULL, &v, 1) < 1)
		return false;
	/* Content is moved by whole chains; only framing is looked at, wherever it stands. */
	size_t look = r->body.chunked ? v.iov_len : len;
	enum h1_step what = h1_body_step(&r->body, v.iov_base, look, &skip, &data);
	evbuffer_drain(in, skip);
	switch (what) {
	case H1_BAD:
		*err = TG_EINVAL;
		return false;
	case H1_NEED:
		return true;
	case H1_DONE:
		r->content_done = true;
		return false;
	case H1_DATA:
		break;
	}
	window -= evbuffer_get_length(r->data);
	if (data > window)
		data = window;
	if ((*err = compact_move(in, r->data, data, !r->body.chunked && data == r->body.left)) != 0)
		return false;
	h1_body_consumed(&r->body, data);
	r->in_bytes += data;
	if (!r->body.chunked && r->body.left == 0) {
		r->content_done = true;
		return false;
	}
	return true;
}

static bool cannot_deliver(const struct httpd_req *r)
{
	return r->paused || r->replied || r->status != 0 || r->conn->dead || r->handler == NULL;
}

/*
 * Is it time to deliver? The first piece goes at once, so that what is wrong from the start is
 * refused early; then each waits until it doubles what went before, or for GATHER_BYTES. A handler
 * that keeps what it gets would else hold a chain for every byte.
 */
static bool gathered(const struct httpd_req *r, size_t len)
{
	return len >= GATHER_BYTES || r->content_done || r->left || len >= r->in_bytes - len ||
		len >= r->conn->httpd->limits.body_window_bytes;
}

int req_content(struct httpd_req *r, struct evbuffer *in)
{
	int err = 0;
	if (cannot_deliver(r))
		return 0;
	if (r->continue_due && evbuffer_get_length(in) == 0 && !r->content_done) {
		httpd_req_continue(r);
		return 0;
	}
	for (bool more = !r->content_done; !cannot_deliver(r);) {
		while (more && (more = step(r, in, &err)))
			;
		if (err != 0)
			return err;
		size_t before = r->data != NULL ? evbuffer_get_length(r->data) : 0;
		if (before == 0 || !gathered(r, before))
			break;
		if (r->handler->on_body != NULL)
			r->handler->on_body(r, r->data, r->ctx);
		else
			evbuffer_drain(r->data, before);
		r->left = evbuffer_get_length(r->data) > 0;
		if (evbuffer_get_length(r->data) == before)
			break; /* it has no room now; it will say when */
		more = !r->content_done;
	}
	if (!r->content_done)
		size_reads(r);
	if (r->content_done && !r->end_told && !cannot_deliver(r) &&
		(r->data == NULL || evbuffer_get_length(r->data) == 0)) {
		r->end_told = true;
		if (r->handler->on_end != NULL)
			r->handler->on_end(r, r->ctx);
	}
	return 0;
}

void req_detach(struct httpd_req *r, bool ok)
{
	const struct httpd_handler *handler = r->handler;
	r->handler = NULL;
	if (handler != NULL)
		handler->on_done(r, ok, r->ctx);
}

void req_log(struct httpd_req *r)
{
	struct httpd *h = r->conn->httpd;
	if (r->data != NULL) {
		stream_set_read_size(r->conn->stream, READ_BYTES);
		stream_set_release_after_read(r->conn->stream, false);
	}
	if (r->paused)
		stream_pause(r->conn->stream, false);
	h->calls->on_log(h->ctx, r, r->status, r->slug, r->in_bytes, r->out_bytes,
		clock_mono_us() - r->began_us);
}

void req_free(struct httpd_req *r, bool ok)
{
	req_detach(r, ok);
	if (r->data != NULL)
		evbuffer_free(r->data);
	free(r);
}

void req_end(struct httpd_req *r, bool ok)
{
	req_log(r);
	req_free(r, ok);
}

/* What the layer above asks ------------------------------------------------ */

const struct h1_head *httpd_req_head(const struct httpd_req *r)
{
	return &r->head;
}

void *httpd_req_peer(const struct httpd_req *r)
{
	return r->conn->peer;
}

uint64_t httpd_req_age_us(const struct httpd_req *r)
{
	return clock_mono_us() - r->began_us;
}

void httpd_req_handle(struct httpd_req *r, const struct httpd_handler *h, void *ctx)
{
	r->handler = h;
	r->ctx = ctx;
}

void httpd_req_pause(struct httpd_req *r, bool on)
{
	r->paused = on;
	/* What nobody takes waits in the kernel, and then with the client; what stands here is
	 * offered before more is read. */
	if (!on)
		conn_resume(r->conn);
	stream_pause(r->conn->stream, on);
}

void httpd_req_want(struct httpd_req *r, size_t bytes)
{
	r->want = bytes;
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
