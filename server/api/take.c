/*
 * take.c: POST /v1/blobs/{id}/take: the at-most-once read. Before the first byte is sent nobody else can reach the blob; each chunk is read and deleted as
 * the client's socket takes the one before, so memory stays bounded. A client that goes away loses the blob: claims are for those who cannot afford that.
 * Runs in workers.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <timeglas/errors.h>

#include "api/call.h"
#include "core/num.h"

struct taking {
	struct call *call;
	struct httpd_req *req;
	struct store_take *take;  /* NULL: over */
	bool reading;             /* a chunk is on its way */
};

static void reply_head(struct taking *t, const struct store_blob *b)
{
	char fields[512], at[TG_TIME_LEN + 1];
	int n = snprintf(fields, sizeof fields, "Timeglas-Kind: %s\r\nTimeglas-Stored-At: %s\r\nETag: \"%s\"\r\n", b->desc.kind,
	    tg_time_format(b->stored_at_ms, at), b->id);
	if (b->desc.issuer[0] != '\0')
		n += snprintf(fields + n, sizeof fields - (size_t)n, "Timeglas-Issuer: %s\r\n", b->desc.issuer);
	if (b->desc.session[0] != '\0')
		snprintf(fields + n, sizeof fields - (size_t)n, "Timeglas-Session: %s\r\n", b->desc.session);
	httpd_reply_begin(t->req, 200, fields, "application/octet-stream", b->desc.size_bytes);
}

static void on_begin(struct store_take *st, int err, const struct store_blob *b, void *ctx)
{
	struct taking *t = ctx;
	(void)st;
	if (err != 0) {
		t->take = NULL; /* freed by the store after return */
		reply_error(t->req, err, b);
		return;
	}
	reply_head(t, b);
}

static void ask_next(struct taking *t)
{
	if (t->take == NULL || t->reading || httpd_reply_room(t->req) < STORE_CHUNK_BYTES)
		return;
	t->reading = true;
	store_take_next(t->take);
}

static void on_data(struct store_take *st, struct evbuffer *data, bool done, int err, void *ctx)
{
	struct taking *t = ctx;
	(void)st;
	t->reading = false;
	if (done || err != 0)
		t->take = NULL; /* freed by the store after return */
	if (err != 0) {
		httpd_reply_abort(t->req);
		return;
	}
	httpd_reply_data(t->req, data);
	ask_next(t);
}

static void on_room(struct httpd_req *r, void *ctx)
{
	(void)r;
	ask_next(ctx);
}

static void on_done(struct httpd_req *r, bool ok, void *ctx)
{
	struct taking *t = ctx;
	(void)r, (void)ok;
	store_take_abort(t->take);
	call_free(t->call);
	free(t);
}

void take_start(struct call *c)
{
	static const struct httpd_handler handler = { .on_room = on_room, .on_done = on_done };
	static const struct store_take_calls calls = { on_begin, on_data };
	struct taking *t = calloc(1, sizeof *t);
	int err = TG_ENOMEM;
	if (t == NULL) {
		reply_error(c->req, err, NULL);
		return;
	}
	t->call = c;
	t->req = c->req;
	t->reading = true; /* the first chunk comes by itself */
	httpd_req_handle(c->req, &handler, t);
	if ((t->take = store_take(c->api->store, c->id, c->peer, &calls, t, &err)) == NULL)
		reply_error(c->req, err, NULL);
}
