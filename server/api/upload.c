/*
 * upload.c: POST /v1/blobs: head → rules → (session asked for) → content through the guard into
 * chunks → commit → 201. Bytes that the store has no room for are left with httpd, which then stops
 * reading the client's socket: memory does not grow with the blob. Runs in workers.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>
#include <timeglas/errors.h>

#include "api/call.h"
#include "api/guard.h"
#include "api/rules.h"
#include "base/metrics.h"
#include "base/text.h"
#include "core/hex.h"
#include "net/buffer_policy.h"

struct upload {
	struct call *call;
	struct httpd_req *req;
	struct api *api;
	struct store_put *put; /* NULL: refused, or answered */
	struct store_put_opts opts;
	struct guard *guard;
	/* the chunk that is filling up; never more than opts.desc.chunk_bytes */
	struct evbuffer *chunk;
	uint64_t size_bytes;
	bool ended;      /* the content is complete */
	bool committing; /* the last chunk and the commit are on their way */
	bool answered;
	char key[RULES_KEY_MAX + 1]; /* Idempotency-Key; "" none */
	/* under the key stands our put's id, or is about to, and is not settled yet */
	bool reserved;
	bool waiting; /* the store will call back about the key */
	/* the rules refuse it, unless it was stored before under its name; 0: they do not */
	int refused;
	const char *refused_why;
	bool repeated; /* the upload was stored before: blob */
	/* the repeated content goes past the guard, which has a digest to find again */
	bool compared;
	/* with a key, or of a name that is known: what the answer will tell */
	struct store_blob blob;
	bool stalled; /* in api->stalled */
	bool large;   /* one of api->n_large */
	TAILQ_ENTRY(upload) link;
};

static void drop_put(struct upload *u)
{
	store_put_abort(u->put);
	u->put = NULL;
	if (u->reserved)
		store_once_drop(u->api->store, u->opts.desc.uploader, u->key, u->opts.id);
	u->reserved = false;
}

static void refuse(struct upload *u, int err, const char *detail)
{
	if (u->answered)
		return;
	u->answered = true;
	drop_put(u);
	evbuffer_drain(u->chunk, evbuffer_get_length(u->chunk));
	if (err == TG_EENVELOPE)
		metrics_count(M_GUARD_REFUSED, 1);
	if (detail != NULL)
		httpd_problem(httpd_req_reply(u->req), err, detail, NULL, NULL);
	else
		reply_error(u->req, err, NULL);
}

static void refuse_size(struct upload *u)
{
	char detail[96];
	snprintf(detail, sizeof detail, "a blob may have at most %llu bytes here (max_blob)",
		(unsigned long long)u->api->conf->max_blob_bytes);
	refuse(u, TG_ETOOBIG, detail);
}

/* Is there room for one more chunk? If not, something will call us again: the put's on_room, or
 * upload_resume(). */
static bool has_room(struct upload *u)
{
	if (store_busy(u->api->store)) {
		if (!u->stalled)
			TAILQ_INSERT_TAIL(&u->api->stalled, u, link);
		u->stalled = true;
		return false;
	}
	return store_put_room(u->put);
}

static void tell(struct upload *u, int status, const struct store_blob *b)
{
	if (u->answered)
		return;
	u->answered = true;
	char location[64];
	struct text t = text_in(location, sizeof location);
	text_join(&t, "Location: /v1/blobs/", b->id, "\r\n");
	struct jsonw w = {0};
	jsonw_open(&w, NULL, '{');
	if (b->state == STORE_GONE)
		answer_blob(&w, b, true); /* a tombstone has forgotten the description */
	else
		answer_stored(&w, b);
	jsonw_close(&w, '}');
	reply_json(u->req, status, location, &w);
}

static void finish(struct upload *u)
{
	int err;
	if (u->answered || u->committing || !has_room(u))
		return;
	if ((err = guard_finish(u->guard)) != 0) {
		refuse(u, err, guard_why(u->guard));
		return;
	}
	const char *detail = NULL;
	if ((err = api_may_store(u->api, &detail)) != 0) {
		/* which may have changed since the head */
		refuse(u, err, detail);
		return;
	}
	u->committing = true;
	u->opts.desc.size_bytes = u->size_bytes;
	u->opts.age_us = httpd_req_age_us(u->req);
	if ((err = store_put_chunk(u->put, u->chunk)) != 0 ||
		(err = store_put_commit(u->put, &u->opts)) != 0)
		refuse(u, err, NULL);
}

/* The first n bytes of data go into the filling chunk, past the guard. */
static int absorb(struct upload *u, struct evbuffer *data, size_t n)
{
	const struct h1_head *h = httpd_req_head(u->req);
	u->size_bytes += n;
	if (u->size_bytes > u->api->conf->max_blob_bytes) {
		refuse_size(u);
		return TG_ETOOBIG;
	}
	int err = guard_feed(u->guard, data, n);
	if (err != 0)
		refuse(u, err, guard_why(u->guard));
	else if ((err = buffer_policy_move(data, u->chunk, n,
			  !h->chunked && u->size_bytes == h->content_length)) != 0)
		refuse(u, err, NULL);
	return err;
}

/*
 * The first chunk is full. Larger ones cost fewer commands and system calls for each byte, but each
 * upload holds the one that it is filling: so a few may, whose bytes come quickly. Not those of a
 * session, whose end must find all chunks within its limit for one call.
 */
static void grow_chunks(struct upload *u)
{
	if (u->opts.desc.chunk_bytes != STORE_CHUNK_BYTES || u->opts.desc.session[0] != '\0' ||
		!buffer_policy_large_chunks(u->api->n_large, httpd_req_age_us(u->req)))
		return;
	u->large = true;
	u->api->n_large++;
	u->opts.desc.chunk_bytes = STORE_CHUNK_LARGE_BYTES;
	store_put_resize(u->put, STORE_CHUNK_LARGE_BYTES);
}

/* While the blob lives its key stands for its content, too: its length, and its digest as far as
 * both requests let it be known. */
static bool remembered(const struct upload *u)
{
	return u->blob.state != STORE_GONE;
}

/* The repeated content is not the one that is remembered. */
static int other_content(const struct upload *u)
{
	return u->opts.desc.name[0] != '\0' ? TG_ETAKEN : TG_EREUSED;
}

/* Nothing of a repeated content is kept. */
static void repeat_body(struct upload *u, struct evbuffer *data)
{
	size_t n = evbuffer_get_length(data);
	int err = u->compared && !u->answered ? guard_feed(u->guard, data, n) : 0;
	evbuffer_drain(data, n);
	u->size_bytes += n;
	if (u->size_bytes > u->api->conf->max_blob_bytes)
		refuse_size(u);
	else if (err != 0 || (remembered(u) && u->size_bytes > u->blob.desc.size_bytes))
		refuse(u, other_content(u), NULL);
}

static void on_length_known(void *ctx, int err, const struct store_blob *said)
{
	struct upload *u = ctx;
	u->waiting = false;
	if (err != 0 || said == NULL)
		refuse(u, err != 0 ? err : TG_ETAKEN, NULL);
	else
		tell(u, 200, said);
}

/* A chunked repeat of a blob that is gone: its length was not known when the name was looked up. */
static void repeat_look_again(struct upload *u)
{
	int err = store_named(u->api->store, &u->opts.desc, u->size_bytes, on_length_known, u);
	u->waiting = err == 0;
	if (err != 0)
		refuse(u, err, NULL);
}

static void repeat_end(struct upload *u)
{
	int err = u->compared && !u->answered ? guard_finish(u->guard) : 0;
	if (err == TG_EDIGEST && u->opts.desc.sha256[0] != '\0')
		/* it is not what this request declares either */
		refuse(u, err, guard_why(u->guard));
	else if (err != 0 || (remembered(u) && u->size_bytes != u->blob.desc.size_bytes))
		refuse(u, other_content(u), NULL);
	else if (!u->answered && !remembered(u) && u->opts.desc.name[0] != '\0' &&
		httpd_req_head(u->req)->chunked)
		repeat_look_again(u);
	else
		tell(u, 200, &u->blob);
}

static void on_body(struct httpd_req *r, struct evbuffer *data, void *ctx)
{
	struct upload *u = ctx;
	size_t n, have;
	if (u->repeated) {
		repeat_body(u, data);
		return;
	}
	while (!u->answered && (n = evbuffer_get_length(data)) > 0) {
		int err = 0;
		have = evbuffer_get_length(u->chunk);
		if (have == STORE_CHUNK_BYTES && u->size_bytes == have)
			grow_chunks(u);
		if (have < u->opts.desc.chunk_bytes)
			err = absorb(u, data,
				n < u->opts.desc.chunk_bytes - have ?
					n :
					u->opts.desc.chunk_bytes - have);
		else if (!has_room(u)) {
			httpd_req_pause(r, true);
			return;
		} else if ((err = store_put_chunk(u->put, u->chunk)) != 0)
			refuse(u, err, NULL);
		if (err != 0)
			return;
	}
	if (u->answered)
		return;
	if (u->api->n_uploads > BUFFER_CROWD && !has_room(u))
		httpd_req_pause(r, true);
	have = evbuffer_get_length(u->chunk);
	httpd_req_want(r,
		have < u->opts.desc.chunk_bytes ? u->opts.desc.chunk_bytes - have :
						  u->opts.desc.chunk_bytes);
}

static void on_end(struct httpd_req *r, void *ctx)
{
	struct upload *u = ctx;
	(void)r;
	u->ended = true;
	if (u->repeated)
		repeat_end(u);
	else
		finish(u);
}

static void go_on(struct upload *u)
{
	if (u->answered)
		return;
	if (u->ended)
		finish(u);
	else if (evbuffer_get_length(u->chunk) < u->opts.desc.chunk_bytes ||
		has_room(u)) /* else more would be read, only to wait here */
		httpd_req_pause(u->req, false);
}

/* As many as the store's queue has room for, and no more before it is seen what they brought: all
 * of them have bytes waiting in their sockets. */
void upload_resume(struct api *a)
{
	struct upload *u;
	for (unsigned n = 0; n < BUFFER_RESUMED && !store_busy(a->store) &&
		(u = TAILQ_FIRST(&a->stalled)) != NULL;
		n++) {
		TAILQ_REMOVE(&a->stalled, u, link);
		u->stalled = false;
		go_on(u);
	}
	/* else its queue falls some day, and we are called again */
	if (!store_busy(a->store) && !TAILQ_EMPTY(&a->stalled))
		loop_defer(a->loop, &a->resume);
}

static void on_room(struct store_put *p, void *ctx)
{
	(void)p;
	go_on(ctx);
}

static void on_checked(struct store_put *p, void *ctx)
{
	struct upload *u = ctx;
	(void)p;
	httpd_req_pause(u->req, false);
}

static void on_refused(struct store_put *p, int err, void *ctx)
{
	(void)p;
	refuse(ctx, err, NULL);
}

/*
 * Of a chosen name, what was committed is told whatever became of the key: another request with the
 * same key and name, which reserved the same id, may have come to nothing and dropped it; and a
 * repeat finds the blob by its name.
 */
static void settled(struct upload *u, int err)
{
	if (err != 0 && u->opts.desc.name[0] == '\0')
		refuse(u, err, NULL);
	else
		tell(u, u->blob.repeated ? 200 : 201, &u->blob);
}

static void on_settled(void *ctx, int err)
{
	struct upload *u = ctx;
	u->waiting = false;
	settled(u, err);
}

static void on_committed(struct store_put *p, int err, const struct store_blob *b, void *ctx)
{
	struct upload *u = ctx;
	(void)p;
	u->put = NULL; /* freed by the store after return */
	if (err != 0) {
		refuse(u, err, NULL);
		return;
	}
	if (!u->reserved) {
		tell(u, b->repeated ? 200 : 201, b);
		return;
	}
	u->blob = *b;
	u->reserved = false; /* whatever comes of it, the store sees to the blob */
	err = store_once_settle(u->api->store, b->desc.uploader, u->key, b->id, on_settled, u);
	u->waiting = err == 0;
	if (err != 0)
		settled(u, err);
}

static void on_done(struct httpd_req *r, bool ok, void *ctx)
{
	struct upload *u = ctx;
	(void)r, (void)ok;
	if (u->stalled)
		TAILQ_REMOVE(&u->api->stalled, u, link);
	if (u->waiting)
		store_forget(u->api->store, u);
	drop_put(u);
	guard_free(u->guard);
	if (u->chunk != NULL)
		evbuffer_free(u->chunk);
	metrics_gauge_add(G_UPLOADS, -1);
	u->api->n_uploads--;
	u->api->n_large -= u->large;
	call_free(u->call);
	free(u);
}

static struct upload *upload_new(struct call *c, const struct rules_upload *rules)
{
	struct upload *u = calloc(1, sizeof *u);
	if (u == NULL)
		return NULL;
	*u = (struct upload){.call = c,
		.req = c->req,
		.api = c->api,
		.opts = {.desc = rules->desc, .ttl_s = rules->ttl_s}};
	u->guard = guard_new(rules->has_digest ? rules->digest : NULL);
	u->chunk = evbuffer_new();
	if (u->guard == NULL || u->chunk == NULL) {
		guard_free(u->guard);
		if (u->chunk != NULL)
			evbuffer_free(u->chunk);
		free(u);
		return NULL;
	}
	u->opts.desc.chunk_bytes = buffer_policy_small_chunks(c->api->n_uploads) ?
		STORE_CHUNK_SMALL_BYTES :
		STORE_CHUNK_BYTES;
	metrics_gauge_add(G_UPLOADS, 1);
	c->api->n_uploads++;
	return u;
}

static void begin_put(struct upload *u)
{
	static const struct store_put_calls put_calls = {
		on_room, on_refused, on_checked, on_committed};
	int err;
	u->opts.age_us = httpd_req_age_us(u->req);
	if ((u->put = store_put_new(u->api->store, &u->opts, &put_calls, u, &err)) == NULL)
		refuse(u, err, NULL);
	else if (u->opts.eager || u->reserved)
		httpd_req_pause(u->req, u->opts.eager);
}

/* What the head says of a repeated content, against what is remembered. Readies the guard for what
 * only the content can say. */
static int repeat_compare(struct upload *u)
{
	const struct h1_head *h = httpd_req_head(u->req);
	const char *declared = u->opts.desc.sha256, *kept = u->blob.desc.sha256;
	uint8_t digest[32];
	if (!remembered(u))
		return 0;
	if ((!h->chunked && h->content_length != u->blob.desc.size_bytes) ||
		(declared[0] != '\0' && kept[0] != '\0' && strcmp(declared, kept) != 0))
		return other_content(u);
	u->compared = declared[0] != '\0' || kept[0] != '\0';
	if (declared[0] != '\0' || kept[0] == '\0')
		return 0;
	if (tg_hex_decode(kept, strlen(kept), digest, sizeof digest) != 0)
		return TG_EINTERNAL;
	guard_free(u->guard);
	u->guard = guard_new(digest);
	return u->guard != NULL ? 0 : TG_ENOMEM;
}

/* Is it known without the content that it is the same? */
static bool same_by_head(const struct upload *u)
{
	return !remembered(u) ||
		(!httpd_req_head(u->req)->chunked &&
			(u->opts.desc.sha256[0] != '\0' || u->blob.desc.sha256[0] == '\0'));
}

static void begin_key(struct upload *u);

/* What was stored before is told once the content is in: a client that is busy sending may not be
 * listening. One that waits for 100 Continue is. */
static void repeat(struct upload *u, const struct store_blob *said)
{
	int err;
	u->blob = *said;
	u->repeated = true;
	if ((err = repeat_compare(u)) != 0)
		refuse(u, err, NULL);
	else if (httpd_req_head(u->req)->expect_continue && same_by_head(u))
		tell(u, 200, &u->blob);
	else
		httpd_req_pause(u->req, false);
}

static void on_once(void *ctx, int err, const struct store_blob *said)
{
	struct upload *u = ctx;
	u->waiting = false;
	if (err == 0 && said == NULL) {
		begin_put(u);
		return;
	}
	u->reserved = false;
	if (err != 0)
		refuse(u, err, NULL);
	else
		repeat(u, said);
}

static void on_named(void *ctx, int err, const struct store_blob *said)
{
	struct upload *u = ctx;
	u->waiting = false;
	if (err != 0)
		refuse(u, err, NULL);
	else if (said != NULL)
		repeat(u, said);
	else if (u->refused != 0)
		refuse(u, u->refused, u->refused_why);
	else if (u->key[0] != '\0')
		begin_key(u);
	else {
		begin_put(u);
		if (!u->answered && !u->opts.eager)
			httpd_req_pause(u->req, false);
	}
}

static void begin_name(struct upload *u)
{
	const struct h1_head *h = httpd_req_head(u->req);
	int err = store_named(u->api->store, &u->opts.desc,
		h->chunked ? STORE_SIZE_UNKNOWN : h->content_length, on_named, u);
	u->waiting = err == 0;
	if (err != 0)
		refuse(u, err, NULL);
	else
		httpd_req_pause(u->req, true);
}

static void begin_key(struct upload *u)
{
	int err = store_once_begin(u->api->store, &u->opts.desc, u->key, u->opts.id, on_once, u);
	u->waiting = u->reserved = err == 0;
	if (err != 0)
		refuse(u, err, NULL);
	else
		httpd_req_pause(u->req, true);
}

void upload_start(struct call *c)
{
	static const struct httpd_handler handler = {
		.on_body = on_body, .on_end = on_end, .on_done = on_done};
	const struct h1_head *h = httpd_req_head(c->req);
	struct rules_upload rules;
	char key[RULES_KEY_MAX + 1];
	const char *detail = NULL;
	if (!call_may_store(c)) {
		call_free(c);
		return;
	}
	int err = rules_upload(c->api->conf, httpd_req_peer(c->req), h, &rules, &detail);
	/* A name is looked up before session and policy: what was stored may have ended with its
	 * session, or under a policy that was tightened since. */
	bool named = rules.desc.name[0] != '\0', late = err != 0 && err != TG_EINVAL && named;
	int refused = late ? err : 0;
	const char *why = detail;
	if (err == 0 || late)
		err = rules_key(h, key, &detail);
	if (err != 0) {
		if (detail != NULL)
			httpd_problem(httpd_req_reply(c->req), err, detail, NULL, NULL);
		else
			reply_error(c->req, err, NULL);
		call_free(c);
		return;
	}
	struct upload *u = upload_new(c, &rules);
	if (u == NULL) {
		reply_error(c->req, TG_ENOMEM, NULL);
		call_free(c);
		return;
	}
	httpd_req_handle(c->req, &handler, u);
	text_copy(u->key, sizeof u->key, key);
	if (!h->chunked && h->content_length > c->api->conf->max_blob_bytes) {
		refuse_size(u);
		return;
	}
	/* One chunk that is already on its way costs one round trip if the session is asked for at
	 * commit only. */
	u->opts.eager = rules.desc.session[0] != '\0' &&
		(h->chunked || h->expect_continue || h->content_length > u->opts.desc.chunk_bytes);
	u->refused = refused;
	u->refused_why = why;
	/* Of what comes as one chunk the commit tells. */
	if (named &&
		(refused != 0 || h->chunked || h->expect_continue ||
			h->content_length > u->opts.desc.chunk_bytes))
		begin_name(u);
	else if (u->key[0] != '\0')
		begin_key(u);
	else
		begin_put(u);
}
