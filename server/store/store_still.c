/* store_still.c: see store_still.h. Runs in the recorder. */
#include <string.h>
#include <timeglas/errors.h>

#include "base/token.h"
#include "core/num.h"
#include "store/lines.h"
#include "store/query.h"
#include "store/store_still.h"

static void still_done(struct query *c, int err, const redisReply *r)
{
	store_still_cb *cb = QUERY_CB(c, store_still_cb);
	struct lines l = lines_of(r);
	char line[TOKEN_LEN + 32], *at;
	const char *id;
	uint64_t stored_ms;

	if (err != 0)
		cb(c->user, err, NULL, 0);
	while (err == 0 && lines_more(&l)) {
		lines_text(&l, line, sizeof line);
		at = line;
		id = strsep(&at, "\t");
		if (at == NULL || tg_num_u64(at, strlen(at), INT64_MAX, &stored_ms) != 0)
			stored_ms = 0;
		cb(c->user, 0, id, stored_ms);
	}
}

int store_still_ask(struct store *s, unsigned shard, const char *ids, store_still_cb *cb, void *ctx)
{
	struct query *c = query_new(s, still_done, cb, ctx);
	struct cmd m;

	if (c == NULL)
		return TG_ENOMEM;
	c->shard = shard;
	cmd_fcall(&m, "tg2_still", shard);
	cmd_text(&m, ids);
	return query_send(c, &m);
}
