/*
 * store_blob.c: the calls on blobs that move no bytes (look, erase). Runs in workers.
 */
#include <stdlib.h>
#include <string.h>
#include <timeglas/errors.h>
#include "base/metrics.h"
#include "store/query.h"
#include "store/lines.h"
#include "store/store_blob.h"

static void blob_done(struct query *c, int err, const redisReply *r)
{
	struct store_blob blob;
	struct lines l = lines_of(r);
	bool have = lines_blob(&l, &blob, NULL) == 0;

	if (err == 0 && !have)
		err = TG_EINTERNAL;
	QUERY_CB(c, store_blob_cb)(c->user, err, have ? &blob : NULL);
}

/* more: a second argument; NULL: none. */
static int blob_call(struct store *s, const char *fn, const char *id, const char *more,
	query_done *done, query_done *duty, store_blob_cb *cb, void *ctx)
{
	int shard = token_shard(id, strlen(id));
	struct query *c;
	struct cmd m;

	if (shard < 0)
		return TG_ENOENT;
	c = query_new(s, done, cb, ctx);
	if (c == NULL)
		return TG_ENOMEM;
	c->duty = duty;
	cmd_fcall(&m, fn, (unsigned)shard);
	cmd_text(&m, id);
	if (more != NULL)
		cmd_text(&m, more);
	return query_send(c, &m);
}

int store_blob_stat(struct store *s, const char *id, store_blob_cb *cb, void *ctx)
{
	return blob_call(s, "tg2_stat", id, NULL, blob_done, NULL, cb, ctx);
}

int store_blob_reading(struct store *s, const char *id, store_blob_cb *cb, void *ctx)
{
	return blob_call(s, "tg2_stat", id, "1", blob_done, NULL, cb, ctx);
}

static void erase_duty(struct query *c, int err, const redisReply *r)
{
	(void)c;
	(void)r;
	if (err == 0)
		metrics_count(M_ERASED, 1);
}

static void erase_done(struct query *c, int err, const redisReply *r)
{
	erase_duty(c, err, r);
	blob_done(c, err, r);
}

int store_blob_erase(
	struct store *s, const char *id, const char *uploader, store_blob_cb *cb, void *ctx)
{
	return blob_call(s, "tg2_erase", id, uploader != NULL ? uploader : "", erase_done,
		erase_duty, cb, ctx);
}

static void wanted_done(struct query *c, int err, const redisReply *r)
{
	(void)r;
	QUERY_CB(c, store_blob_wanted_cb)(c->user, err);
}

int store_blob_wanted(struct store *s, const char *id, const struct store_blob_ties *ties,
	store_blob_wanted_cb *cb, void *ctx)
{
	int shard = token_shard(id, strlen(id));
	struct query *c = shard < 0 ? NULL : query_new(s, wanted_done, cb, ctx);
	struct cmd m;

	if (c == NULL)
		return shard < 0 ? TG_ENOENT : TG_ENOMEM;
	cmd_fcall(&m, "tg2_take_wanted", (unsigned)shard);
	cmd_text(&m, id);
	cmd_text(&m, ties->session);
	cmd_text(&m, ties->bound ? "1" : "0");
	cmd_text(&m, ties->subject);
	return query_send(c, &m);
}
