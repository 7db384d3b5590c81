/*
 * store_reconcile.c: what stands in a store that went back, ending it again, and letting reads
 * begin. What has ended is the recorder's to know (recorder/end_again.c). Runs in the recorder.
 */
#include <stdlib.h>
#include <string.h>
#include <timeglas/errors.h>
#include "base/text.h"
#include "store/query.h"
#include "store/desc.h"
#include "store/lines.h"
#include "store/record.h"
#include "store/store_reconcile.h"

/* "b id st tag" or "s id h". */
static bool read_standing(struct lines *l, struct store_standing *out)
{
	char line[160], *at = line, *kind, *id, *third, *last;

	lines_text(l, line, sizeof line);
	kind = strsep(&at, "\t");
	id = strsep(&at, "\t");
	third = strsep(&at, "\t");
	last = strsep(&at, "\t");
	if (third == NULL || strlen(id) > TOKEN_LEN)
		return false;
	*out = (struct store_standing){.session = kind[0] == 's'};
	text_copy(out->id, sizeof out->id, id);
	if (out->session)
		text_copy(out->tag, sizeof out->tag, third);
	else if (last != NULL)
		text_copy(out->tag, sizeof out->tag, last);
	out->live = !out->session && strcmp(third, record_state_text(STORE_LIVE)) == 0;
	return out->session || last != NULL;
}

static void standing_done(struct query *c, int err, const redisReply *r)
{
	struct lines l = lines_of(r);
	struct store_standing *list = NULL;
	char cursor[STORE_CURSOR_MAX + 1];
	size_t n = 0, cap = 0;

	lines_text(&l, cursor, sizeof cursor);
	for (const char *p = l.at; p != NULL && p < l.end; p++)
		cap += *p == '\n';
	if (err == 0 && (list = calloc(cap + 1, sizeof *list)) == NULL)
		err = TG_ENOMEM;
	while (err == 0 && n <= cap && lines_more(&l))
		n += read_standing(&l, &list[n]);
	QUERY_CB(c, store_reconcile_standing_cb)
	(c->user, err, c->shard, err == 0 ? cursor : NULL, list, n);
	free(list);
}

int store_reconcile_standing(struct store *s, unsigned shard, const char *cursor, unsigned count,
	store_reconcile_standing_cb *cb, void *ctx)
{
	struct query *c = query_new(s, standing_done, cb, ctx);
	struct cmd m;

	if (c == NULL)
		return TG_ENOMEM;
	c->shard = shard;
	cmd_fcall(&m, "tg2_standing", shard);
	cmd_text(&m, cursor);
	cmd_num(&m, count);
	return query_send(c, &m);
}

static void done(struct query *c, int err, const redisReply *r)
{
	(void)r;
	QUERY_CB(c, store_reconcile_cb)(c->user, err, c->shard);
}

static struct query *new_done(struct store *s, unsigned shard, store_reconcile_cb *cb, void *ctx)
{
	struct query *c = query_new(s, done, cb, ctx);

	if (c == NULL)
		return NULL;
	c->shard = shard;
	return c;
}

int store_reconcile_end(struct store *s, unsigned shard, const struct store_end_again *e,
	store_reconcile_cb *cb, void *ctx)
{
	struct query *c = new_done(s, shard, cb, ctx);
	struct cmd m;

	if (c == NULL)
		return TG_ENOMEM;
	cmd_fcall(&m, e->session ? "tg2_session_end_again" : "tg2_end_again", shard);
	cmd_text(&m, e->id);
	cmd_text(&m, e->tag);
	cmd_text(&m, e->cause);
	if (!e->session) {
		cmd_text(&m, e->by);
		cmd_text(&m, e->outcome);
	}
	return query_send(c, &m);
}

int store_reconcile_subject(struct store *s, const char *hash, int64_t erased_ms,
	int64_t frozen_until_ms, store_reconcile_cb *cb, void *ctx)
{
	const unsigned shard = desc_subject_shard(hash);
	struct query *c = new_done(s, shard, cb, ctx);
	struct cmd m;

	if (c == NULL)
		return TG_ENOMEM;
	cmd_fcall(&m, "tg2_subject_again", shard);
	cmd_text(&m, hash);
	cmd_num(&m, erased_ms);
	cmd_num(&m, frozen_until_ms);
	return query_send(c, &m);
}

int store_reconcile_done(struct store *s, const char *life, store_reconcile_cb *cb, void *ctx)
{
	struct query *c = new_done(s, 0, cb, ctx);
	struct cmd m;

	if (c == NULL)
		return TG_ENOMEM;
	cmd_fcall(&m, "tg2_compared", 0);
	cmd_text(&m, life);
	return query_send(c, &m);
}
