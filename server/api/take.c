/*
 * take.c: a blob's bytes on their way to the client: each chunk is asked for when the client's
 * socket has taken the one before, so memory stays bounded. POST /v1/blobs/{id}/take is the
 * at-most-once read: before the first byte is sent nobody else can reach the blob, and chunks are
 * deleted as they are read; a client that goes away loses the blob. GET /v1/claims/{claim} is the
 * claimant's, as often as needed: the chunks stay.
 *
 * A reader that stalls has a window of the blob in this process, and more in the kernel's send
 * buffer. Until its own kernel has acknowledged all of it, somebody looks once a second whether it
 * may still have that: when a claimed blob has ended, when the time of a taken one is over, or when
 * somebody has ended it although it was consumed (erased it, or closed its session), the answer is
 * revoked: what stands here is wiped, and the kernel drops what it has. Runs in workers.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>
#include <event2/event_struct.h>
#include <timeglas/errors.h>

#include "api/call.h"
#include "api/range.h"
#include "api/reply.h"
#include "api/take.h"
#include "api/subscription.h"
#include "base/text.h"
#include "core/time.h"
#include "store/store.h"
#include "store/store_blob.h"
#include "store/store_read.h"
#include "store/types.h"

#define WATCH_S 1u
/* what a take has read is sent within that time, or never; a take of several chunks that says
 * nothing ends as early */
#define TAKEN_MS 60000

struct taking {
	struct call *call;
	struct httpd_req *req;
	struct store_read *read;     /* NULL: over */
	bool reading;                /* a chunk is on its way */
	uint32_t chunk_bytes;        /* the blob's */
	bool claimed;                /* a claimant's read */
	struct subscription reader;  /* a claimant's, of the blob's that are looked at together */
	bool asking;                 /* a take's: whether it may still be sent */
	bool bound;                  /* the blob's; */
	char session[TOKEN_LEN + 1]; /* and the session that it names, "" none */
	struct event watch;
	int64_t until_ms; /* a take's: the store's time at which it ends */
	/* of the answer whose head waits for its first bytes, to go with them; 0: none waits */
	int status;
	uint64_t length;
	char fields[512];
};

/* Watching it -------------------------------------------------------------- */

static void on_look(void *ctx, int err, const struct store_blob *b)
{
	struct taking *t = ctx;
	t->asking = false;
	if (t->read == NULL)
		return; /* all of it was read meanwhile: the next look asks for that */
	if (err != 0 || b->state == STORE_GONE)
		httpd_reply_revoke(httpd_req_reply(t->req));
}

static void on_wanted(void *ctx, int err)
{
	struct taking *t = ctx;
	t->asking = false;
	if (err != 0)
		httpd_reply_revoke(httpd_req_reply(t->req));
}

static int ask(struct taking *t)
{
	struct store *s = t->call->api->store;
	if (t->read == NULL)
		return store_blob_wanted(s, t->call->id, t->session, t->bound, on_wanted, t);
	return store_blob_stat(s, t->call->id, on_look, t);
}

static void on_watch(evutil_socket_t fd, short what, void *ctx)
{
	struct taking *t = ctx;
	(void)fd, (void)what;
	if (httpd_reply_is_acked(httpd_req_reply(t->req)))
		return; /* t was freed */
	if (store_now_ms(t->call->api->store) >= t->until_ms)
		httpd_reply_revoke(httpd_req_reply(t->req));
	else if (!t->asking) {
		t->asking = ask(t) == 0;
		if (!t->asking)
			httpd_reply_revoke(httpd_req_reply(t->req));
	}
}

static void on_ended(void *ctx)
{
	const struct taking *t = ctx;
	httpd_reply_revoke(httpd_req_reply(t->req));
}

static void watch_claimed(struct taking *t)
{
	char id[TOKEN_LEN + 1];
	snprintf(id, sizeof id, "%.*s", TOKEN_LEN, t->call->id); /* a claim's token opens with it */
	if (subscription_join(t->call->api, &t->reader, id, on_ended, t) != 0)
		httpd_reply_abort(httpd_req_reply(t->req));
}

static void watch(struct taking *t, const struct store_blob *b)
{
	struct loop *l = t->call->api->loop;
	httpd_reply_set_revocable(httpd_req_reply(t->req));
	if (t->claimed) {
		watch_claimed(t);
		return;
	}
	t->until_ms = b->deadline_ms;
	t->bound = b->desc.bound;
	text_copy(t->session, sizeof t->session, b->desc.session);
	event_assign(&t->watch, loop_base(l), -1, EV_PERSIST, on_watch, t);
	event_add(&t->watch, loop_timeout(l, WATCH_S));
}

/* The answer --------------------------------------------------------------- */

/* Delays the head until the first chunk is here: one system call less, and an error can still be
 * answered. */
static void begin_late(struct taking *t, int status, uint64_t length)
{
	t->status = status;
	t->length = length;
}

static void begin(struct taking *t)
{
	if (t->status != 0)
		httpd_reply_begin(httpd_req_reply(t->req), t->status, t->fields,
			"application/octet-stream", t->length);
	t->status = 0;
}

static const char *entity_tag(const struct store_blob *b, char out[TOKEN_LEN + 3])
{
	struct text t = text_in(out, TOKEN_LEN + 3);
	text_join(&t, "\"", b->id, "\"");
	return out;
}

static void add_field(struct text *t, const char *name, const char *value)
{
	if (value[0] == '\0')
		return;
	text_join(t, name, ": ", value, "\r\n");
}

static size_t head_fields(const struct store_blob *b, char fields[512])
{
	char at[TG_TIME_LEN + 1], etag[TOKEN_LEN + 3];
	struct text t = text_in(fields, 512);
	add_field(&t, "Timeglas-Kind", b->desc.kind);
	add_field(&t, "Timeglas-Stored-At", tg_time_format(b->stored_at_ms, at));
	add_field(&t, "ETag", entity_tag(b, etag));
	add_field(&t, "Timeglas-Issuer", b->desc.issuer);
	add_field(&t, "Timeglas-Session", b->desc.session);
	return text_len(&t);
}

/* Of all of it, of a part, or of nothing, when the range is not satisfiable or only the head was
 * asked for. */
static void reply_claimed(struct taking *t, const struct store_blob *b)
{
	const struct h1_head *h = httpd_req_head(t->req);
	char *fields = t->fields, range[96], etag[TOKEN_LEN + 3];
	uint64_t from, len, size = b->desc.size_bytes;
	int status = range_of(h, size, entity_tag(b, etag), &from, &len);
	if (status == 416) {
		snprintf(range, sizeof range, "Content-Range: bytes */%" PRIu64 "\r\n", size);
		httpd_problem(httpd_req_reply(t->req), TG_ERANGE,
			"no byte of that range is in the blob; Content-Range says how many there "
			"are",
			range, NULL);
		return;
	}
	size_t n = head_fields(b, fields);
	n += (size_t)snprintf(fields + n, sizeof t->fields - n, "Accept-Ranges: bytes\r\n");
	if (status == 206)
		snprintf(fields + n, sizeof t->fields - n,
			"Content-Range: bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64 "\r\n", from,
			from + len - 1, size);
	begin_late(t, status, len);
	if (h->method == H1_HEAD) {
		begin(t);
		return;
	}
	store_read_range(t->read, from, len);
	t->reading = true;
	store_read_next(t->read);
}

static void on_begin(struct store_read *st, int err, const struct store_blob *b, void *ctx)
{
	struct taking *t = ctx;
	(void)st;
	if (err != 0) {
		t->read = NULL; /* freed by the store after return */
		reply_error(t->req, err, b);
		return;
	}
	t->chunk_bytes = b->desc.chunk_bytes;
	watch(t, b);
	if (t->claimed) {
		reply_claimed(t, b);
		return;
	}
	head_fields(b, t->fields);
	begin_late(t, 200, b->desc.size_bytes);
}

static void ask_next(struct taking *t)
{
	if (t->read == NULL || t->reading ||
		httpd_reply_room(httpd_req_reply(t->req)) < t->chunk_bytes)
		return;
	t->reading = true;
	store_read_next(t->read);
}

static void on_data(struct store_read *st, struct evbuffer *data, bool done, int err, void *ctx)
{
	struct taking *t = ctx;
	(void)st;
	t->reading = false;
	if (done || err != 0)
		t->read = NULL; /* freed by the store after return */
	if (done && t->until_ms > store_now_ms(t->call->api->store) + TAKEN_MS)
		t->until_ms = store_now_ms(t->call->api->store) + TAKEN_MS;
	if (err != 0) {
		if (t->status != 0)
			reply_error(t->req, err, NULL);
		else
			httpd_reply_abort(httpd_req_reply(t->req));
		return;
	}
	begin(t);
	httpd_reply_data(httpd_req_reply(t->req), data);
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
	if (event_initialized(&t->watch))
		event_del(&t->watch);
	subscription_leave(&t->reader);
	if (t->asking)
		store_forget(t->call->api->store, t);
	store_read_abort(t->read);
	call_free(t->call);
	free(t);
}

static void start(struct call *c, bool claimed)
{
	static const struct httpd_handler handler = {.on_room = on_room, .on_done = on_done};
	static const struct store_read_calls calls = {on_begin, on_data};
	struct taking *t = calloc(1, sizeof *t);
	int err = TG_ENOMEM;
	if (t == NULL) {
		reply_error(c->req, err, NULL);
		return;
	}
	t->call = c;
	t->req = c->req;
	t->claimed = claimed;
	/* a take's first chunk comes by itself; a claimant's read is not begun yet */
	t->reading = true;
	httpd_req_handle(c->req, &handler, t);
	t->read = claimed ? store_read_claimed(c->api->store, c->id, c->peer, &calls, t, &err) :
			    store_read_take(c->api->store, c->id, c->peer, &calls, t, &err);
	if (t->read == NULL)
		reply_error(c->req, err, NULL);
}

void take_start(struct call *c)
{
	if (call_may_read(c))
		start(c, false);
}

void take_claimed(struct call *c)
{
	start(c, true);
}
