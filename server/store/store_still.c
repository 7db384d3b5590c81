/* store_still.c: see store_still.h. Runs in the recorder. */
#include <string.h>
#include <timeglas/errors.h>

#include "base/token.h"
#include "core/chain.h"
#include "store/lines.h"
#include "store/query.h"
#include "store/store_still.h"

static void still_done(struct query *c, int err, const redisReply *r)
{
	store_still_cb *cb = QUERY_CB(c, store_still_cb);
	struct lines l = lines_of(r);
	char line[TOKEN_LEN + CHAIN_ID_MAX + 4], *rest;
	const char *id;

	if (err != 0)
		cb(c->user, err, NULL, NULL);
	while (err == 0 && lines_more(&l)) {
		lines_text(&l, line, sizeof line);
		rest = line;
		id = strsep(&rest, "\t");
		cb(c->user, 0, id, rest != NULL ? rest : "");
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
