/*
 * store_reap.c: the call that ends what is due in a shard. Runs in the reaper.
 */
#include <string.h>
#include <timeglas/errors.h>
#include "store/query.h"
#include "store/lines.h"
#include "store/store_reap.h"

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

/* Reads the answer: now_ms, ended, overdue, next_ms, back_ms, failed, then a line for each blob. */
static void reap_done(struct query *c, int err, const redisReply *r)
{
	struct lines l = lines_of(r);
	struct store_reaped out = {0};
	char cause[STORE_CAUSE_MAX + 1];
	int64_t late;

	if (err == 0 && !lines_more(&l))
		err = TG_EINTERNAL;
	if (err != 0) {
		QUERY_CB(c, store_reap_cb)(c->user, c->shard, err, NULL);
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
	QUERY_CB(c, store_reap_cb)(c->user, c->shard, 0, &out);
}

int store_reap(struct store *s, unsigned shard, unsigned max, int64_t at_least_ms,
	store_reap_cb *cb, void *ctx)
{
	struct query *c = query_new(s, reap_done, cb, ctx);
	struct cmd m;

	if (c == NULL)
		return TG_ENOMEM;
	c->shard = shard;
	cmd_fcall(&m, "tg2_reap", shard);
	cmd_num(&m, max);
	cmd_num(&m, at_least_ms);
	return query_send(c, &m);
}
