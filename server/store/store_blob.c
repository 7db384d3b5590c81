/*
 * store_blob.c: the calls on blobs that move no bytes (look, erase), and reaping. Runs in workers,
 * the reaper, admin.
 */
#include <stdlib.h>
#include <string.h>
#include <timeglas/errors.h>
#include "base/metrics.h"
#include "store/store_int.h"

static void blob_done(struct call *c, int err, const redisReply *r)
{
	struct store_blob blob;
	struct lines l = lines_of(r);
	bool have = lines_blob(&l, &blob, NULL) == 0;

	if (err == 0 && !have)
		err = TG_EINTERNAL;
	c->cb.blob(c->user, err, have ? &blob : NULL);
}

static int blob_call(struct store *s, const char *fn, const char *id, const char *uploader,
	void (*done)(struct call *, int, const redisReply *),
	void (*duty)(struct call *, int, const redisReply *), store_blob_cb *cb, void *ctx)
{
	int shard = token_shard(id, strlen(id));
	struct call *c;
	struct cmd m;

	if (shard < 0)
		return TG_ENOENT;
	c = call_new(s, ctx, done);
	if (c == NULL)
		return TG_ENOMEM;
	c->cb.blob = cb;
	c->duty = duty;
	cmd_fcall(&m, fn, (unsigned)shard);
	cmd_text(&m, id);
	if (uploader != NULL)
		cmd_text(&m, uploader);
	return call_send(c, &m);
}

int store_stat(struct store *s, const char *id, store_blob_cb *cb, void *ctx)
{
	return blob_call(s, "tg1_stat", id, NULL, blob_done, NULL, cb, ctx);
}

static void erase_duty(struct call *c, int err, const redisReply *r)
{
	(void)c;
	(void)r;
	if (err == 0)
		metrics_count(M_ERASED, 1);
}

static void erase_done(struct call *c, int err, const redisReply *r)
{
	erase_duty(c, err, r);
	blob_done(c, err, r);
}

int store_erase(struct store *s, const char *id, const char *uploader, store_blob_cb *cb, void *ctx)
{
	return blob_call(s, "tg1_erase", id, uploader != NULL ? uploader : "", erase_done,
		erase_duty, cb, ctx);
}

static void wanted_done(struct call *c, int err, const redisReply *r)
{
	(void)r;
	c->cb.wanted(c->user, err);
}

int store_take_wanted(struct store *s, const char *id, const char *session, bool bound,
	store_wanted_cb *cb, void *ctx)
{
	int shard = token_shard(id, strlen(id));
	struct call *c = shard < 0 ? NULL : call_new(s, ctx, wanted_done);
	struct cmd m;

	if (c == NULL)
		return shard < 0 ? TG_ENOENT : TG_ENOMEM;
	c->cb.wanted = cb;
	cmd_fcall(&m, "tg1_take_wanted", (unsigned)shard);
	cmd_text(&m, id);
	cmd_text(&m, session);
	cmd_text(&m, bound ? "1" : "0");
	return call_send(c, &m);
}

/* Reaping ------------------------------------------------------------------ */

static unsigned *reaped_counter(struct store_reaped *out, const char *cause)
{
	if (strcmp(cause, STORE_CAUSE_EXPIRED) == 0)
		return &out->expired;
	if (strncmp(cause, "session-", 8) == 0)
		return &out->session_ended;
	if (strcmp(cause, STORE_CAUSE_LEASE_EXPIRED) == 0)
		return &out->lease_expired;
	if (strcmp(cause, STORE_CAUSE_ABORTED) == 0)
		return &out->aborted;
	return strcmp(cause, STORE_CAUSE_CONSUMED) == 0 ? &out->consumed : NULL;
}

/* Answer: now_ms, ended, overdue, next_ms, back_ms, failed, then a line for each blob. */
static void reap_done(struct call *c, int err, const redisReply *r)
{
	struct lines l = lines_of(r);
	struct store_reaped out = {0};
	char cause[STORE_CAUSE_MAX + 1];
	int64_t late;

	if (err == 0 && !lines_more(&l))
		err = TG_EINTERNAL;
	if (err != 0) {
		c->cb.reap(c->user, c->shard, err, NULL);
		return;
	}
	out.now_ms = lines_num(&l);
	out.erased = (unsigned)lines_num(&l);
	out.overdue = (unsigned)lines_num(&l);
	out.more = out.overdue > 0;
	out.next_ms = lines_num(&l);
	out.back_ms = lines_num(&l);
	lines_text(&l, out.failed, sizeof out.failed);
	while (lines_more(&l)) {
		lines_reaped(&l, cause, sizeof cause, &late);
		unsigned *counter = reaped_counter(&out, cause);
		if (counter != NULL)
			++*counter;
		if (out.n_lateness < sizeof out.lateness_us / sizeof out.lateness_us[0])
			out.lateness_us[out.n_lateness++] =
				late > UINT32_MAX ? UINT32_MAX : (uint32_t)late;
	}
	c->cb.reap(c->user, c->shard, 0, &out);
}

int store_reap(struct store *s, unsigned shard, unsigned max, int64_t at_least_ms,
	store_reap_cb *cb, void *ctx)
{
	struct call *c = call_new(s, ctx, reap_done);
	struct cmd m;

	if (c == NULL)
		return TG_ENOMEM;
	c->cb.reap = cb;
	c->shard = shard;
	cmd_fcall(&m, "tg1_reap", shard);
	cmd_num(&m, max);
	cmd_num(&m, at_least_ms);
	return call_send(c, &m);
}
