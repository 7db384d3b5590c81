/*
 * take.c: a blob's bytes on their way to a reader: each chunk is asked for when the client's
 * connection has taken the one before, so memory stays bounded.
 *
 * POST /v1/blobs/{id}/take is the at-most-once read: before the first byte is sent nobody else can
 * reach the blob, and chunks are deleted as they are read; a client that goes away loses the blob.
 * GET /v1/claims/{claim} is a claimant's read, as often as needed: the chunks stay.
 *
 * A reader that stalls has a window of the blob in this process, and more in the kernel's send
 * buffer. So the answer is watched until the client's kernel has acknowledged all of it
 * (take_watch.h for a take, subscription.h for a claimant's read). When the blob ends before that,
 * the answer is revoked: what stands here is wiped, and the kernel drops what it has.
 *
 * What happens when is decided by the table in take_state.c. The callbacks translate what http,
 * store and watch say into its events. Runs in workers.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <timeglas/errors.h>

#include "api/call.h"
#include "api/range.h"
#include "api/refused_reads.h"
#include "api/reply.h"
#include "api/subscription.h"
#include "api/take.h"
#include "api/take_state.h"
#include "api/take_watch.h"
#include "base/text.h"
#include "core/time.h"
#include "store/store_read.h"
#include "store/types.h"

struct take {
	struct call *call;
	struct httpd_req *req;
	enum take_state state;
	bool claimed;               /* a claimant's read */
	struct store_read *read;    /* NULL: the store has ended it, or it was given up */
	uint32_t chunk_bytes;       /* the blob's */
	struct take_watch watch;    /* of a take */
	struct subscription reader; /* of a claimant's read */
	/* The answer's head, which waits in OPENING and FIRST. */
	int status;
	uint64_t length;
	char fields[HTTPD_REPLY_FIELDS_MAX];
};

/* States ------------------------------------------------------------------- */

/* What the next state does not own is given up. */
static void leave(struct take *t)
{
	if (!take_state_watches(t->state)) {
		take_watch_end(&t->watch);
		subscription_leave(&t->reader);
	}
	if (t->read != NULL && !take_state_has_read(t->state)) {
		store_read_abort(t->read);
		t->read = NULL;
	}
}

static void enter(struct take *t, enum take_event e)
{
	switch (t->state) {
	case TAKE_FIRST:
		if (t->claimed) /* a take's first chunk comes by itself */
			store_read_next(t->read);
		break;
	case TAKE_READING:
		store_read_next(t->read);
		break;
	case TAKE_DELIVERING:
		if (!t->claimed)
			take_watch_all_read(&t->watch);
		break;
	case TAKE_RESET:
		if (e == TAKE_EV_REVOKED)
			httpd_reply_revoke(httpd_req_reply(t->req)); /* may call on_done */
		else
			httpd_reply_abort(httpd_req_reply(t->req));
		break;
	case TAKE_OPENING:
	case TAKE_WAITING:
	case TAKE_ANSWERED:
	case TAKE_ENDED:
	case TAKE_STATE_COUNT:
		break;
	}
}

/* After REVOKED t may have been freed: when the client's kernel turns out to have all of it. */
static void step(struct take *t, enum take_event e)
{
	const enum take_state from = t->state;

	t->state = take_state_next(from, e);
	if (t->state == from)
		return;
	leave(t);
	enter(t, e);
}

/* b: as reply_error() takes it. */
static void refuse(struct take *t, int err, const struct store_blob *b)
{
	step(t, TAKE_EV_REFUSED);
	reply_error(t->req, err, b);
}

/* The answer's head -------------------------------------------------------- */

static void give_head(struct take *t)
{
	httpd_reply_begin(httpd_req_reply(t->req), t->status, t->fields, "application/octet-stream",
		t->length);
}

static const char *entity_tag(const struct store_blob *b, char out[TOKEN_LEN + 3])
{
	struct text t = text_in(out, TOKEN_LEN + 3);

	text_join(&t, "\"", b->id, "\"");
	return out;
}

static void add_field(struct text *t, const char *name, const char *value)
{
	if (value[0] != '\0')
		text_join(t, name, ": ", value, "\r\n");
}

/* Returns the length of the fields that both kinds of read have. */
static size_t head_fields(struct take *t, const struct store_blob *b)
{
	char at[TG_TIME_LEN + 1], etag[TOKEN_LEN + 3];
	struct text fields = text_in(t->fields, sizeof t->fields);

	add_field(&fields, "Timeglas-Kind", b->desc.kind);
	add_field(&fields, "Timeglas-Stored-At", tg_time_format(b->stored_at_ms, at));
	add_field(&fields, "ETag", entity_tag(b, etag));
	add_field(&fields, "Timeglas-Issuer", b->desc.issuer);
	add_field(&fields, "Timeglas-Session", b->desc.session);
	return text_len(&fields);
}

static void refuse_range(struct take *t, uint64_t size)
{
	char range[96];

	snprintf(range, sizeof range, "Content-Range: bytes */%" PRIu64 "\r\n", size);
	step(t, TAKE_EV_REFUSED);
	httpd_problem(httpd_req_reply(t->req), TG_ERANGE,
		"no byte of that range is in the blob; Content-Range says how many there are",
		range, NULL);
}

/* Beginning ---------------------------------------------------------------- */

static void on_blob_end(void *ctx)
{
	step(ctx, TAKE_EV_REVOKED);
}

static int watch_claimed(struct take *t)
{
	char id[TOKEN_LEN + 1];

	/* a claim's token begins with the blob's id */
	snprintf(id, sizeof id, "%.*s", TOKEN_LEN, t->call->id);
	return subscription_join(t->call->api, &t->reader, id, on_blob_end, t);
}

/* From here on bytes of the blob follow. The answer is watched before the first of them. */
static void open_read(struct take *t, const struct store_blob *b)
{
	struct httpd_reply *reply = httpd_req_reply(t->req);
	int err = 0;

	httpd_reply_set_revocable(reply);
	if (t->claimed)
		err = watch_claimed(t);
	else
		take_watch_begin(&t->watch, t->call->api, reply, t->call->id, b, on_blob_end, t);
	if (err != 0)
		refuse(t, err, NULL);
	else
		step(t, TAKE_EV_OPENED);
}

static void open_take(struct take *t, const struct store_blob *b)
{
	head_fields(t, b);
	t->status = 200;
	t->length = b->desc.size_bytes;
	open_read(t, b);
}

/* All of the blob, a part of it, or nothing: the range is not satisfiable, or only the head was
 * asked for. */
static void open_claimed(struct take *t, const struct store_blob *b)
{
	const struct h1_head *h = httpd_req_head(t->req);
	const uint64_t size = b->desc.size_bytes;
	char etag[TOKEN_LEN + 3];
	uint64_t from;
	size_t n;

	t->status = range_of(h, size, entity_tag(b, etag), &from, &t->length);
	if (t->status == 416) {
		refuse_range(t, size);
		return;
	}
	n = head_fields(t, b);
	n += (size_t)snprintf(t->fields + n, sizeof t->fields - n, "Accept-Ranges: bytes\r\n");
	if (t->status == 206)
		snprintf(t->fields + n, sizeof t->fields - n,
			"Content-Range: bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64 "\r\n", from,
			from + t->length - 1, size);
	if (h->method == H1_HEAD) {
		step(t, TAKE_EV_HEAD_GIVEN);
		give_head(t);
		return;
	}
	store_read_range(t->read, from, t->length);
	open_read(t, b);
}

static void on_begin(struct store_read *st, int err, const struct store_blob *b, void *ctx)
{
	struct take *t = ctx;

	(void)st;
	if (err != 0) {
		t->read = NULL; /* the store frees it after return */
		refused_reads_of(t->call, err, b);
		refuse(t, err, b);
		return;
	}
	t->chunk_bytes = b->desc.chunk_bytes;
	if (t->claimed)
		open_claimed(t, b);
	else
		open_take(t, b);
}

/* The bytes ---------------------------------------------------------------- */

static void look_for_room(struct take *t)
{
	if (httpd_reply_room(httpd_req_reply(t->req)) >= t->chunk_bytes)
		step(t, TAKE_EV_ROOM);
}

static void read_failed(struct take *t, int err)
{
	t->read = NULL; /* the store frees it after return */
	if (t->state == TAKE_FIRST)
		refuse(t, err, NULL);
	else
		step(t, TAKE_EV_BROKEN);
}

static void on_data(struct store_read *st, struct evbuffer *data, bool done, int err, void *ctx)
{
	struct take *t = ctx;

	(void)st;
	if (err != 0) {
		read_failed(t, err);
		return;
	}
	if (t->state == TAKE_FIRST)
		give_head(t); /* not earlier: one system call for both */
	httpd_reply_data(httpd_req_reply(t->req), data);
	if (done) {
		t->read = NULL; /* the store frees it after return */
		step(t, TAKE_EV_LAST);
	} else {
		step(t, TAKE_EV_CHUNK);
		look_for_room(t);
	}
}

static void on_room(struct httpd_req *r, void *ctx)
{
	(void)r;
	look_for_room(ctx);
}

/* The request -------------------------------------------------------------- */

static void on_done(struct httpd_req *r, bool ok, void *ctx)
{
	struct take *t = ctx;

	(void)r, (void)ok;
	step(t, TAKE_EV_GONE);
	call_free(t->call);
	free(t);
}

static void start(struct call *c, bool claimed)
{
	static const struct httpd_handler handler = {.on_room = on_room, .on_done = on_done};
	static const struct store_read_calls calls = {.on_begin = on_begin, .on_data = on_data};
	struct take *t = calloc(1, sizeof *t);
	int err = TG_ENOMEM;

	if (t == NULL) {
		reply_error(c->req, err, NULL);
		return;
	}
	t->call = c;
	t->req = c->req;
	t->state = TAKE_OPENING;
	t->claimed = claimed;
	httpd_req_handle(c->req, &handler, t);
	t->read = claimed ? store_read_claimed(c->api->store, c->id, c->peer, &calls, t, &err) :
			    store_read_take(c->api->store, c->id, c->peer, &calls, t, &err);
	if (t->read == NULL)
		refuse(t, err, NULL);
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
