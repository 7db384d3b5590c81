/*
 * replies.c: the queue of callbacks that wait for an answer, and the cutting of what Redis sends
 * into answers. An answer is built by hiredis's reader, except the bulk of a fetch, whose buffer
 * chains are moved past it. Runs in every process that has a store.
 */
#include <stdlib.h>
#include <string.h>
#include <timeglas/errors.h>
#include "core/bug.h"
#include "redis/replies.h"
#include "redis/resp.h"

#define QUEUE_MIN 64u

enum wanted {
	ANY,        /* every answer */
	NOT_STATUS, /* every answer but a plain status */
	BULK,       /* a bulk string, moved into the sink */
};

struct waiting {
	enum wanted wanted;
	union {
		replies_cb *any;
		replies_bulk_cb *bulk;
	} cb;
	void *ctx;
	struct evbuffer *sink; /* of BULK; NULL: its bytes are dropped */
};

struct replies {
	redisReader *reader;
	struct resp_scan scan;
	struct waiting *queue; /* a ring of cap entries, a power of two */
	size_t cap, head, count;
	bool pushes;         /* push has a callback */
	struct waiting push; /* is told of what nobody asked for */
	unsigned long bulks;
};

struct replies *replies_new(void)
{
	return calloc(1, sizeof(struct replies));
}

void replies_free(struct replies *r)
{
	if (r == NULL)
		return;
	if (r->reader != NULL)
		redisReaderFree(r->reader);
	free(r->queue);
	free(r);
}

int replies_begin(struct replies *r)
{
	if (r->count > 0)
		tg_bug("replies", "a connection begins while answers of the last one are due");
	if (r->reader != NULL)
		redisReaderFree(r->reader);
	r->reader = redisReaderCreate();
	memset(&r->scan, 0, sizeof r->scan);
	return r->reader != NULL ? 0 : TG_ENOMEM;
}

size_t replies_due(const struct replies *r)
{
	return r->count;
}

/* The queue ---------------------------------------------------------------- */

static struct waiting *queue_at(const struct replies *r, size_t i)
{
	return &r->queue[(r->head + i) & (r->cap - 1)];
}

static int queue_grow(struct replies *r)
{
	size_t cap = r->cap == 0 ? QUEUE_MIN : r->cap * 2;
	struct waiting *queue = calloc(cap, sizeof *queue);

	if (queue == NULL)
		return TG_ENOMEM;
	for (size_t i = 0; i < r->count; i++)
		queue[i] = *queue_at(r, i);
	free(r->queue);
	r->queue = queue;
	r->cap = cap;
	r->head = 0;
	return 0;
}

static int queue_add(struct replies *r, struct waiting w)
{
	if (r->count == r->cap && queue_grow(r) != 0)
		return TG_ENOMEM;
	*queue_at(r, r->count++) = w;
	return 0;
}

static struct waiting queue_take(struct replies *r)
{
	struct waiting w = *queue_at(r, 0);

	r->head = (r->head + 1) & (r->cap - 1);
	r->count--;
	return w;
}

int replies_expect(struct replies *r, replies_cb *cb, void *ctx)
{
	return queue_add(r, (struct waiting){.wanted = ANY, .cb.any = cb, .ctx = ctx});
}

int replies_expect_status(struct replies *r, replies_cb *cb, void *ctx)
{
	return queue_add(r, (struct waiting){.wanted = NOT_STATUS, .cb.any = cb, .ctx = ctx});
}

int replies_expect_bulk(struct replies *r, replies_bulk_cb *cb, void *ctx, struct evbuffer *sink)
{
	return queue_add(
		r, (struct waiting){.wanted = BULK, .cb.bulk = cb, .ctx = ctx, .sink = sink});
}

void replies_withdraw(struct replies *r)
{
	r->count--;
}

void replies_on_push(struct replies *r, replies_cb *cb, void *ctx)
{
	r->pushes = true;
	r->push = (struct waiting){.wanted = ANY, .cb.any = cb, .ctx = ctx};
}

static void drop(void *ctx, const redisReply *reply)
{
	(void)ctx;
	(void)reply;
}

static void drop_bulk(void *ctx, long got, const redisReply *reply)
{
	(void)ctx;
	(void)got;
	(void)reply;
}

/* An entry stays in its place in the queue, because its answer comes all the same. */
void replies_forget(struct replies *r, const void *ctx)
{
	for (size_t i = 0; i < r->count; i++) {
		struct waiting *w = queue_at(r, i);

		if (w->ctx != ctx)
			continue;
		if (w->wanted == BULK)
			*w = (struct waiting){.wanted = BULK, .cb.bulk = drop_bulk};
		else
			*w = (struct waiting){.wanted = NOT_STATUS, .cb.any = drop};
	}
}

void replies_break(struct replies *r)
{
	struct waiting w = queue_take(r);

	if (w.wanted == BULK)
		w.cb.bulk(w.ctx, REPLIES_BROKEN, NULL);
	else
		w.cb.any(w.ctx, NULL);
}

/* Reading ------------------------------------------------------------------ */

/* The reader has a whole answer. (A moved bulk does not pass it.) */
static int tell_reply(struct replies *r)
{
	void *got = NULL;
	struct waiting w;
	redisReply *reply;

	if (redisReaderGetReply(r->reader, &got) != REDIS_OK || got == NULL)
		return TG_EPROTO;
	reply = got;
	w = r->count > 0 ? queue_take(r) : r->push;
	if (w.wanted == BULK)
		w.cb.bulk(
			w.ctx, reply->type == REDIS_REPLY_NIL ? REPLIES_NIL : REPLIES_ERROR, reply);
	else
		w.cb.any(w.ctx, reply);
	freeReplyObject(reply);
	return 0;
}

static void tell_bulk(struct replies *r)
{
	struct waiting w = queue_take(r);

	r->bulks++;
	w.cb.bulk(w.ctx, r->scan.bulk_len, NULL);
}

/* Moves what has come of a bulk. */
static int move_body(struct replies *r, struct evbuffer *in, struct evbuffer *sink)
{
	size_t n = evbuffer_get_length(in);

	if (n > r->scan.left)
		n = r->scan.left;
	if (sink == NULL)
		evbuffer_drain(in, n);
	else if (evbuffer_remove_buffer(in, sink, n) != (int)n)
		return TG_ENOMEM;
	r->scan.left -= n;
	return 1;
}

/* One step of the scanner over the first piece of `in`. */
static int scan(struct replies *r, struct evbuffer *in, const struct evbuffer_iovec *v,
	const struct waiting *w)
{
	size_t used = 0;
	enum resp_step step =
		resp_scan(&r->scan, v->iov_base, v->iov_len, w->wanted == BULK, &used);

	switch (step) {
	case RESP_FEED:
	case RESP_REPLY:
		if (redisReaderFeed(r->reader, v->iov_base, used) != REDIS_OK)
			return TG_ENOMEM;
		evbuffer_drain(in, used);
		return step == RESP_REPLY && tell_reply(r) != 0 ? TG_EPROTO : 1;
	case RESP_WAIT:
		return 0;
	case RESP_SKIP:
		evbuffer_drain(in, used);
		return 1;
	case RESP_BODY:
		return move_body(r, in, w->sink);
	case RESP_BODY_END:
		evbuffer_drain(in, used);
		tell_bulk(r);
		return 1;
	case RESP_BAD:
		break;
	}
	return TG_EPROTO;
}

int replies_consume(struct replies *r, struct evbuffer *in)
{
	const struct waiting *w = r->count > 0 ? queue_at(r, 0) : r->pushes ? &r->push : NULL;
	struct evbuffer_iovec v;
	size_t status;

	if (evbuffer_get_length(in) == 0)
		return 0;
	if (w == NULL)
		return TG_EPROTO; /* nobody asked */
	/* The scanner wants the line of a bulk that is to be moved in one piece. */
	if (w->wanted == BULK && !r->scan.in_reply)
		(void)evbuffer_pullup(
			in, evbuffer_get_length(in) < RESP_LINE_MAX ? -1 : RESP_LINE_MAX);
	if (evbuffer_peek(in, -1, NULL, &v, 1) < 1 || v.iov_len == 0)
		return 0;
	if (w->wanted == NOT_STATUS && !r->scan.in_reply) {
		status = resp_status(v.iov_base, v.iov_len);
		if (status > 0) {
			evbuffer_drain(in, status);
			(void)queue_take(r);
			return 1;
		}
	}
	return scan(r, in, &v, w);
}

size_t replies_bulk_left(const struct replies *r)
{
	return resp_in_body(&r->scan) ? r->scan.left : 0;
}

unsigned long replies_bulks(const struct replies *r)
{
	return r->bulks;
}
