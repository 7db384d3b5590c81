/*
 * upload.c: POST /v1/blobs, but for its content (upload_content.c). The head is judged by the
 * rules; then the store is asked what has to be known first (the name, the key, the session), and
 * content may come. What happens when is decided by the table in upload_state.c: the callbacks
 * translate what http and store say into its events. Runs in workers.
 */
#include <stdlib.h>
#include <string.h>

#include <timeglas/errors.h>

#include "api/reply.h"
#include "api/rules.h"
#include "api/upload.h"
#include "api/upload_content.h"
#include "base/metrics.h"
#include "base/text.h"
#include "net/buffer_policy.h"
#include "store/store_idempotency.h"
#include "store/store_name.h"
#include "store/store_put.h"
#include "store/types.h"

/* The end of the request ------------------------------------------------------ */

static void on_done(struct httpd_req *r, bool ok, void *ctx)
{
	struct upload *u = ctx;

	(void)r, (void)ok;
	upload_step(u, UPLOAD_EV_GONE);
	guard_free(u->guard);
	evbuffer_free(u->chunk);
	metrics_gauge_add(G_UPLOADS, -1);
	u->api->n_uploads--;
	u->api->n_large -= u->large;
	call_free(u->call);
	free(u);
}

/* What the store says of the put ----------------------------------------------- */

static void on_room(struct store_put *p, void *ctx)
{
	(void)p;
	upload_content_room(ctx);
}

static void on_checked(struct store_put *p, void *ctx)
{
	(void)p;
	upload_step(ctx, UPLOAD_EV_CHECKED);
}

static void on_refused(struct store_put *p, int err, void *ctx)
{
	(void)p;
	upload_step_refuse(ctx, err, NULL);
}

/*
 * The blob is committed. When it has a name, that is the answer even if the key could not be
 * settled: another request with the same key and name, which reserved the same id, may have failed
 * and dropped the key; and a repeat finds the blob by its name.
 */
static void on_settled(void *ctx, int err)
{
	struct upload *u = ctx;

	if (err != 0 && u->opts.desc.name[0] == '\0')
		upload_step_refuse(u, err, NULL);
	else
		upload_step_tell(u, u->blob.repeated ? 200 : 201, &u->blob);
}

static void on_committed(struct store_put *p, int err, const struct store_blob *b, void *ctx)
{
	struct upload *u = ctx;

	(void)p;
	u->put = NULL; /* the store frees it after return */
	if (err != 0) {
		upload_step_refuse(u, err, NULL);
		return;
	}
	if (u->key[0] == '\0') {
		upload_step_tell(u, b->repeated ? 200 : 201, b);
		return;
	}
	u->blob = *b;
	/* If the key cannot be settled, the store ends the blob, also when this upload is gone. */
	err = store_idempotency_settle(
		u->api->store, b->desc.uploader, u->key, b->id, on_settled, u);
	upload_step(u, UPLOAD_EV_SETTLE_SENT);
	if (err != 0)
		on_settled(u, err);
}

/* Beginning -------------------------------------------------------------------- */

static void begin_put(struct upload *u)
{
	static const struct store_put_calls calls = {
		.on_room = on_room,
		.on_refused = on_refused,
		.on_checked = on_checked,
		.on_committed = on_committed,
	};
	int err;

	u->opts.age_us = httpd_req_age_us(u->req);
	u->put = store_put_new(u->api->store, &u->opts, &calls, u, &err);
	if (u->put == NULL)
		upload_step_refuse(u, err, NULL);
	else
		upload_step(u, u->opts.eager ? UPLOAD_EV_SESSION_ASKED : UPLOAD_EV_PUT_OPENED);
}

/* The upload was stored before. The client is told when the content is here, because it may not
 * listen while it sends. One that waits for 100 Continue listens. */
static void begin_repeat(struct upload *u, const struct store_blob *said)
{
	int err;

	u->blob = *said;
	u->repeat = (struct repeat){
		.head = httpd_req_head(u->req), .desc = &u->opts.desc, .blob = &u->blob};
	if ((err = repeat_begin(&u->repeat, &u->guard)) != 0)
		upload_step_refuse_other(u, err);
	else if (u->repeat.head->expect_continue && repeat_same_by_head(&u->repeat))
		upload_step_tell(u, 200, &u->blob);
	else
		upload_step(u, UPLOAD_EV_KNOWN);
}

static void on_key(void *ctx, int err, const struct store_blob *said)
{
	struct upload *u = ctx;

	if (err != 0)
		upload_step_refuse_other(u, err);
	else if (said != NULL)
		begin_repeat(u, said);
	else
		begin_put(u);
}

static void begin_key(struct upload *u)
{
	int err = store_idempotency_begin(
		u->api->store, &u->opts.desc, u->key, u->opts.id, on_key, u);

	if (err != 0)
		upload_step_refuse(u, err, NULL);
	else
		upload_step(u, UPLOAD_EV_KEY_ASKED);
}

static void on_name(void *ctx, int err, const struct store_blob *said)
{
	struct upload *u = ctx;

	if (err != 0)
		upload_step_refuse_other(u, err);
	else if (said != NULL)
		begin_repeat(u, said);
	else if (u->refused != 0)
		upload_step_refuse(u, u->refused, u->refused_why);
	else if (u->key[0] != '\0')
		begin_key(u);
	else
		begin_put(u);
}

static void begin_name(struct upload *u)
{
	const struct h1_head *h = httpd_req_head(u->req);
	int err = store_name_find(u->api->store, &u->opts.desc,
		h->chunked ? STORE_SIZE_UNKNOWN : h->content_length, on_name, u);

	if (err != 0)
		upload_step_refuse(u, err, NULL);
	else
		upload_step(u, UPLOAD_EV_NAME_ASKED);
}

static struct upload *upload_new(struct call *c, const struct rules_upload *rules)
{
	struct upload *u = calloc(1, sizeof *u);

	if (u == NULL)
		return NULL;
	*u = (struct upload){
		.call = c,
		.req = c->req,
		.api = c->api,
		.state = UPLOAD_STARTING,
		.opts = {.desc = rules->desc, .ttl_s = rules->ttl_s},
	};
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

/* What the rules say of the head. */
struct judgement {
	struct rules_upload rules;
	char key[RULES_KEY_MAX + 1];
	/* As in struct upload. The name is looked up before session and policy count: what was
	 * stored may have ended with its session, or under a policy that was tightened since. */
	int refused;
	const char *refused_why;
};

/* Returns 0, or the error to be answered with the sentence in *detail, or with its own when that is
 * NULL. */
static int judge(const struct call *c, struct judgement *j, const char **detail)
{
	const struct h1_head *h = httpd_req_head(c->req);
	const char *why = NULL;
	int err = rules_upload(c->api->conf, httpd_req_peer(c->req), h, &j->rules, &why);

	*detail = why;
	if (err != 0 && (err == TG_EINVAL || j->rules.desc.name[0] == '\0'))
		return err;
	j->refused = err;
	j->refused_why = why;
	return rules_key(h, j->key, detail);
}

/* Is the content one chunk that is already on its way? Then the store is not asked before it: the
 * commit finds out the same, without a round trip of its own. */
static bool comes_at_once(const struct upload *u)
{
	const struct h1_head *h = httpd_req_head(u->req);

	return !h->chunked && !h->expect_continue && h->content_length <= u->opts.desc.chunk_bytes;
}

static void begin(struct upload *u)
{
	const struct h1_head *h = httpd_req_head(u->req);
	const struct store_desc *d = &u->opts.desc;

	if (!h->chunked && h->content_length > u->api->conf->max_blob_bytes) {
		upload_step_refuse_size(u);
		return;
	}
	u->opts.eager = d->session[0] != '\0' && !comes_at_once(u);
	if (d->name[0] != '\0' && (u->refused != 0 || !comes_at_once(u)))
		begin_name(u);
	else if (u->key[0] != '\0')
		begin_key(u);
	else
		begin_put(u);
}

static void reject(struct call *c, int err, const char *detail)
{
	if (detail != NULL)
		httpd_problem(httpd_req_reply(c->req), err, detail, NULL, NULL);
	else
		reply_error(c->req, err, NULL);
	call_free(c);
}

void upload_start(struct call *c)
{
	static const struct httpd_handler handler = {.on_body = upload_content_on_body,
		.on_end = upload_content_on_end,
		.on_done = on_done};
	struct judgement j = {.refused = 0};
	const char *detail = NULL;
	struct upload *u;
	int err;

	if (!call_may_store(c)) {
		call_free(c);
		return;
	}
	err = judge(c, &j, &detail);
	u = err == 0 ? upload_new(c, &j.rules) : NULL;
	if (u == NULL) {
		reject(c, err != 0 ? err : TG_ENOMEM, err != 0 ? detail : NULL);
		return;
	}
	text_copy(u->key, sizeof u->key, j.key);
	u->refused = j.refused;
	u->refused_why = j.refused_why;
	httpd_req_handle(c->req, &handler, u);
	begin(u);
}
