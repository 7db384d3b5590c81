/*
 * store_refused.c: see store_refused.h. It does not count: server/api does, and tells of many
 * attempts at once. Runs in workers.
 */
#include <string.h>
#include <timeglas/errors.h>
#include "store/lines.h"
#include "store/query.h"
#include "store/store_refused.h"

#define REASON_MAX 31

#define X_(arg, id, text, ...) [REFUSED_##id] = text,
static const char *const reason_text[] = {[REFUSED_NONE] = "", REFUSED_REASONS(X_, )};
#undef X_

/* Has somebody had the blob? An ack tells of it, or a lease that ended without one. */
static bool had_its_reader(const struct store_blob *b)
{
	return strcmp(b->cause, STORE_CAUSE_CONSUMED) == 0 ||
		strcmp(b->cause, STORE_CAUSE_LEASE_EXPIRED) == 0;
}

/* The reason that an answer with TG_ENOENT has in its second line. */
static enum refused reason_of(struct lines *l)
{
	char said[REASON_MAX + 1];

	lines_text(l, said, sizeof said);
	for (unsigned i = REFUSED_NONE + 1; i < REFUSED_N; i++)
		if (strcmp(said, reason_text[i]) == 0)
			return (enum refused)i;
	return REFUSED_UNKNOWN;
}

enum refused store_refused_why(int err, const struct store_blob *b, struct lines *l, bool claimant)
{
	switch (err) {
	case TG_EGONE:
		if (claimant && strcmp(b->cause, STORE_CAUSE_CONSUMED) != 0)
			return REFUSED_TOO_LATE;
		return had_its_reader(b) ? REFUSED_SECOND_FETCH : REFUSED_TOO_LATE;
	case TG_ECLAIMED:
		return b->state == STORE_TAKING || b->own_lease_ms != 0 ? REFUSED_SECOND_FETCH :
									  REFUSED_CLAIMED_BY_OTHER;
	case TG_EPROCESSOR:
		return REFUSED_WRONG_ROLE;
	case TG_EFROZEN:
		return REFUSED_FROZEN;
	case TG_ENOENT:
		return reason_of(l);
	default:
		return REFUSED_NONE;
	}
}

static void refused_done(struct query *c, int err, const redisReply *r)
{
	(void)r;
	QUERY_CB(c, store_refused_cb)(c->user, err);
}

int store_refused_tell(
	struct store *s, const struct store_refused *o, store_refused_cb *cb, void *ctx)
{
	int shard = o->id[0] != '\0' ? token_shard(o->id, strlen(o->id)) : 0;
	struct query *c;
	struct cmd m;

	if (shard < 0)
		return TG_ENOENT;
	c = query_new(s, refused_done, cb, ctx);
	if (c == NULL)
		return TG_ENOMEM;
	cmd_fcall(&m, "tg2_refused", (unsigned)shard);
	cmd_text(&m, o->id);
	cmd_text(&m, o->peer);
	cmd_text(&m, reason_text[o->why]);
	cmd_num(&m, o->first_ms);
	cmd_num(&m, o->last_ms);
	cmd_num(&m, (int64_t)o->count);
	return query_send(c, &m);
}
