/*
 * store_session.c: the calls on sessions. Where only the session's uploader may call, the function
 * in Redis compares the names; otherwise the caller decides who may. Runs in workers.
 */
#include <stdlib.h>
#include <string.h>
#include <timeglas/errors.h>
#include "base/metrics.h"
#include "store/query.h"
#include "store/desc.h"
#include "store/lines.h"
#include "store/store_session.h"

#define CLOSE_STEP 64 /* unbound blobs that one call of tg2_session_close erases, at most */
/* blobs that store_session_close() tells of, at most; it erases all */
#define CLOSE_TOLD 4096u

static void session_done(struct query *c, int err, const redisReply *r)
{
	struct store_session session;
	struct lines l = lines_of(r);
	bool have = lines_session(&l, &session) == 0;

	if (err == 0 && !have)
		err = TG_EINTERNAL;
	QUERY_CB(c, store_session_cb)(c->user, err, have ? &session : NULL);
}

int store_session_open(struct store *s, const char *uploader, const char *subject, uint32_t idle_s,
	store_session_cb *cb, void *ctx)
{
	struct query *c = query_new(s, session_done, cb, ctx);
	char sid[TOKEN_LEN + 1];
	struct cmd m;

	if (c == NULL)
		return TG_ENOMEM;
	c->shard = subject != NULL && subject[0] != '\0' ? desc_subject_shard(subject) :
							   token_any_shard();
	token_make(c->shard, sid);
	cmd_fcall(&m, "tg2_session_open", c->shard);
	cmd_text(&m, sid);
	cmd_text(&m, uploader);
	cmd_text(&m, subject != NULL ? subject : "");
	cmd_num(&m, (int64_t)idle_s * 1000);
	cmd_num(&m, (int64_t)TG_SESSION_MAX_S * 1000);
	return query_send(c, &m);
}

int store_session_touch(
	struct store *s, const char *sid, const char *uploader, store_session_cb *cb, void *ctx)
{
	int shard = token_shard(sid, strlen(sid));
	struct query *c;
	struct cmd m;

	if (shard < 0)
		return TG_ENOENT;
	c = query_new(s, session_done, cb, ctx);
	if (c == NULL)
		return TG_ENOMEM;
	cmd_fcall(&m, "tg2_session_touch", (unsigned)shard);
	cmd_text(&m, sid);
	cmd_text(&m, uploader);
	return query_send(c, &m);
}

static void show_done(struct query *c, int err, const redisReply *r)
{
	struct lines l = lines_of(r);
	struct store_session session;
	struct store_blob *blobs = NULL;
	size_t n = 0;

	if (err == 0)
		err = lines_session(&l, &session);
	(void)lines_num(&l); /* "more", which is 0 here */
	if (err == 0)
		err = lines_blobs(&l, &blobs, &n);
	if (err == 0)
		QUERY_CB(c, store_session_show_cb)(c->user, 0, &session, blobs, n);
	else
		QUERY_CB(c, store_session_show_cb)(c->user, err, NULL, NULL, 0);
	free(blobs);
}

int store_session_show(struct store *s, const char *sid, store_session_show_cb *cb, void *ctx)
{
	int shard = token_shard(sid, strlen(sid));
	struct query *c;
	struct cmd m;

	if (shard < 0)
		return TG_ENOENT;
	c = query_new(s, show_done, cb, ctx);
	if (c == NULL)
		return TG_ENOMEM;
	cmd_fcall(&m, "tg2_session_show", (unsigned)shard);
	cmd_text(&m, sid);
	return query_send(c, &m);
}

/* Closing. One call ends the session and what is bound to it. What that call left over, and with
 * erase_all what is not bound, is erased by further calls, a bounded number of blobs each. */
struct closing {
	char sid[TOKEN_LEN + 1];
	char uploader[CONF_NAME_MAX + 1];
	unsigned shard;
	bool all;
	struct store_blob *blobs;
	size_t n;
};

static void closing_free(void *state)
{
	struct closing *k = state;

	free(k->blobs);
	free(k);
}

static void close_done(struct query *c, int err, const redisReply *r);
static void close_duty(struct query *c, int err, const redisReply *r);

/* Sends one call. cb NULL: the caller has left. Owns k from now on, also on failure. */
static int close_step(struct store *s, struct closing *k, store_session_show_cb *cb, void *user)
{
	struct query *c = query_new(s, cb != NULL ? close_done : close_duty, cb, user);
	struct cmd m;

	if (c == NULL) {
		closing_free(k);
		return TG_ENOMEM;
	}
	c->duty = close_duty;
	c->state = k;
	c->state_free = closing_free;
	cmd_fcall(&m, "tg2_session_close", k->shard);
	cmd_text(&m, k->sid);
	cmd_text(&m, k->uploader);
	cmd_text(&m, k->all ? "1" : "0");
	cmd_num(&m, CLOSE_STEP);
	return query_send(c, &m);
}

/* Reads a step's answer. Returns 0 or an error; *more: another step is due. */
static int close_read(
	struct closing *k, int err, const redisReply *r, struct store_session *session, bool *more)
{
	struct lines l = lines_of(r);
	size_t before = k->n;

	if (err == 0)
		err = lines_session(&l, session);
	*more = lines_num(&l) == 1;
	if (err == 0)
		err = lines_blobs(&l, &k->blobs, &k->n);
	metrics_count(M_SESSION_ENDED, k->n - before);
	if (k->n > CLOSE_TOLD)
		k->n = CLOSE_TOLD;
	return err;
}

/* The caller has left: the blobs are erased all the same. */
static void close_duty(struct query *c, int err, const redisReply *r)
{
	struct closing *k = c->state;
	struct store_session session;
	bool more;

	if (close_read(k, err, r, &session, &more) != 0 || !more)
		return;
	c->state = NULL;
	(void)close_step(c->store, k, NULL, NULL);
}

static void close_done(struct query *c, int err, const redisReply *r)
{
	struct closing *k = c->state;
	struct store_session session;
	bool more;

	err = close_read(k, err, r, &session, &more);
	if (err == 0 && more) {
		c->state = NULL;
		err = close_step(c->store, k, QUERY_CB(c, store_session_show_cb), c->user);
		if (err == 0)
			return;
	}
	if (err == 0)
		QUERY_CB(c, store_session_show_cb)(c->user, 0, &session, k->blobs, k->n);
	else
		QUERY_CB(c, store_session_show_cb)(c->user, err, NULL, NULL, 0);
}

int store_session_close(struct store *s, const char *sid, const char *uploader, bool erase_all,
	store_session_show_cb *cb, void *ctx)
{
	int shard = token_shard(sid, strlen(sid));
	struct closing *k;

	if (shard < 0)
		return TG_ENOENT;
	k = calloc(1, sizeof *k);
	if (k == NULL)
		return TG_ENOMEM;
	strcpy(k->sid, sid);
	strncpy(k->uploader, uploader != NULL ? uploader : "", sizeof k->uploader - 1);
	k->shard = (unsigned)shard;
	k->all = erase_all;
	return close_step(s, k, cb, ctx);
}
