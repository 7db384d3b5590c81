/*
 * store_subject.c: the calls on subjects. A subject's hash names its shard, so that each is one
 * call of a function; an erasure goes on while there are bytes left to erase. Runs in workers.
 */
#include <stdlib.h>
#include <string.h>
#include <timeglas/errors.h>
#include "base/metrics.h"
#include "base/text.h"
#include "store/desc.h"
#include "store/lines.h"
#include "store/query.h"
#include "store/store_subject.h"

#define EVENT_BYTES sizeof((struct store_subject_erased){0}.event)

/* Begins the command of a function of subjects, with the subject as its first argument. */
static void subject_cmd(struct cmd *m, const char *fn, const char *hash)
{
	cmd_fcall(m, fn, desc_subject_shard(hash));
	cmd_text(m, hash);
}

/* Showing ------------------------------------------------------------------ */

/* Reads the blobs that the rest of an answer tells of: two lines each. */
static int read_shown(struct lines *l, struct store_subject_blob **list, size_t *n)
{
	size_t cap = 0;

	while (lines_more(l)) {
		if (*n == cap) {
			cap = cap < 8 ? 8 : 2 * cap;
			struct store_subject_blob *grown = realloc(*list, cap * sizeof *grown);
			if (grown == NULL)
				return TG_ENOMEM;
			*list = grown;
		}
		struct store_subject_blob *b = &(*list)[*n];
		if (lines_blob(l, &b->blob, NULL) != 0)
			return TG_EINTERNAL;
		lines_text(l, b->reader, sizeof b->reader);
		++*n;
	}
	return 0;
}

static void show_done(struct query *c, int err, const redisReply *r)
{
	struct lines l = lines_of(r);
	struct store_subject_blob *blobs = NULL;
	struct store_subject_shown shown = {.frozen_until_ms = lines_num(&l)};

	shown.more = lines_num(&l) == 1;
	if (err == 0)
		err = read_shown(&l, &blobs, &shown.n);
	shown.blobs = blobs;
	QUERY_CB(c, store_subject_show_cb)(c->user, err, err == 0 ? &shown : NULL);
	free(blobs);
}

int store_subject_show(struct store *s, const char *hash, store_subject_show_cb *cb, void *ctx)
{
	struct query *c = query_new(s, show_done, cb, ctx);
	struct cmd m;

	if (c == NULL)
		return TG_ENOMEM;
	subject_cmd(&m, "tg2_subject_show", hash);
	return query_send(c, &m);
}

/* Erasing ------------------------------------------------------------------ */

struct erasing {
	char hash[STORE_SUBJECT_LEN + 1];
	char uploader[CONF_NAME_MAX + 1], by[CONF_NAME_MAX + 1];
	char method[16];
	bool again; /* the first call has been answered */
	struct store_blob *blobs;
	struct store_subject_erased erased; /* by the first call */
};

static void erasing_free(void *state)
{
	struct erasing *k = state;

	free(k->blobs);
	free(k);
}

static void erase_done(struct query *c, int err, const redisReply *r);
static void erase_duty(struct query *c, int err, const redisReply *r);

/* Sends one call. cb NULL: the caller has left. Owns k from now on, also on failure. */
static int erase_step(struct store *s, struct erasing *k, store_subject_erase_cb *cb, void *user)
{
	struct query *c = query_new(s, cb != NULL ? erase_done : erase_duty, cb, user);
	struct cmd m;

	if (c == NULL) {
		erasing_free(k);
		return TG_ENOMEM;
	}
	c->duty = erase_duty;
	c->state = k;
	c->state_free = erasing_free;
	subject_cmd(&m, "tg2_subject_erase", k->hash);
	cmd_text(&m, k->uploader);
	cmd_text(&m, k->by);
	cmd_text(&m, k->method);
	cmd_text(&m, k->again ? "1" : "0");
	return query_send(c, &m);
}

/* Reads a call's answer. Returns 0 or an error; *more: another call is due. */
static int erase_read(struct erasing *k, int err, const redisReply *r, bool *more)
{
	struct lines l = lines_of(r);
	char event[EVENT_BYTES];
	size_t before = k->erased.n;

	*more = lines_num(&l) == 1;
	lines_text(&l, event, sizeof event);
	const int64_t at_ms = lines_num(&l);
	if (err == 0)
		err = lines_blobs(&l, &k->blobs, &k->erased.n);
	k->erased.blobs = k->blobs;
	metrics_count(M_ERASED, k->erased.n - before);
	if (err == 0 && !k->again) {
		memcpy(k->erased.event, event, sizeof event);
		k->erased.at_ms = at_ms;
		k->again = true;
	}
	return err;
}

/* The caller has left: the rest is erased all the same. */
static void erase_duty(struct query *c, int err, const redisReply *r)
{
	struct erasing *k = c->state;
	bool more;

	if (erase_read(k, err, r, &more) != 0 || !more)
		return;
	c->state = NULL;
	(void)erase_step(c->store, k, NULL, NULL);
}

static void erase_done(struct query *c, int err, const redisReply *r)
{
	struct erasing *k = c->state;
	bool more;

	err = erase_read(k, err, r, &more);
	if (err == 0 && more) {
		c->state = NULL;
		err = erase_step(c->store, k, QUERY_CB(c, store_subject_erase_cb), c->user);
		if (err == 0)
			return;
	}
	QUERY_CB(c, store_subject_erase_cb)(c->user, err, err == 0 ? &k->erased : NULL);
}

int store_subject_erase(struct store *s, const struct store_subject *subject, const char *method,
	store_subject_erase_cb *cb, void *ctx)
{
	struct erasing *k = calloc(1, sizeof *k);

	if (k == NULL)
		return TG_ENOMEM;
	text_copy(k->hash, sizeof k->hash, subject->hash);
	text_copy(k->uploader, sizeof k->uploader, subject->uploader);
	text_copy(k->by, sizeof k->by, subject->by);
	text_copy(k->method, sizeof k->method, method);
	k->erased.method = k->method;
	return erase_step(s, k, cb, ctx);
}

/* Freezing ----------------------------------------------------------------- */

static void freeze_done(struct query *c, int err, const redisReply *r)
{
	struct lines l = lines_of(r);
	char event[EVENT_BYTES];
	const int64_t until_ms = lines_num(&l);

	lines_text(&l, event, sizeof event);
	QUERY_CB(c, store_subject_freeze_cb)(c->user, err, until_ms, event);
}

static void release_done(struct query *c, int err, const redisReply *r)
{
	struct lines l = lines_of(r);
	char event[EVENT_BYTES];

	lines_text(&l, event, sizeof event);
	QUERY_CB(c, store_subject_freeze_cb)(c->user, err, 0, event);
}

int store_subject_freeze(struct store *s, const struct store_subject *subject,
	store_subject_freeze_cb *cb, void *ctx)
{
	struct query *c = query_new(s, freeze_done, cb, ctx);
	struct cmd m;

	if (c == NULL)
		return TG_ENOMEM;
	subject_cmd(&m, "tg2_subject_freeze", subject->hash);
	cmd_text(&m, subject->uploader);
	cmd_text(&m, subject->by);
	cmd_num(&m, (int64_t)TG_FREEZE_S * 1000);
	return query_send(c, &m);
}

int store_subject_release(struct store *s, const struct store_subject *subject,
	store_subject_freeze_cb *cb, void *ctx)
{
	struct query *c = query_new(s, release_done, cb, ctx);
	struct cmd m;

	if (c == NULL)
		return TG_ENOMEM;
	subject_cmd(&m, "tg2_subject_release", subject->hash);
	cmd_text(&m, subject->uploader);
	cmd_text(&m, subject->by);
	return query_send(c, &m);
}
