/* store_run.c: see store_run.h. It draws no conclusions: recorder/identity.c does. */
#include <string.h>
#include <timeglas/errors.h>

#include "base/text.h"
#include "store/query.h"
#include "store/store_run.h"

static void run_done(struct query *c, int err, const redisReply *r)
{
	static const char name[] = "\nrun_id:";
	const char *at = err == 0 && r->type == REDIS_REPLY_STRING ? strstr(r->str, name) : NULL;
	char run[STORE_RUN_MAX + 1] = "";

	if (at != NULL) {
		text_copy(run, sizeof run, at + sizeof name - 1);
		run[strcspn(run, "\r\n")] = '\0';
	}
	QUERY_CB(c, store_run_cb)(c->user, run);
}

int store_run_ask(struct store *s, store_run_cb *cb, void *ctx)
{
	struct query *c = query_new(s, run_done, cb, ctx);
	struct cmd m;

	if (c == NULL)
		return TG_ENOMEM;
	cmd_begin(&m, "INFO");
	cmd_text(&m, "server");
	return query_send(c, &m);
}
