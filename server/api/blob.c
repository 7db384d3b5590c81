/* blob.c: look at a blob without consuming it, and erase it (docs/openapi.yaml). Runs in workers.
 */
#include <string.h>

#include <timeglas/errors.h>

#include "api/answers.h"
#include "api/blob.h"
#include "api/reply.h"
#include "api/rules.h"
#include "store/store_blob.h"
#include "store/types.h"

static bool is_uploader(const struct call *c, const struct store_blob *b)
{
	return call_is(c, ROLE_UPLOADER) && strcmp(b->desc.uploader, c->peer) == 0;
}

static void on_stat(void *ctx, int err, const struct store_blob *b)
{
	struct call *c = ctx;
	c->waiting = false;
	bool full = err == 0 && (call_is(c, ROLE_OPERATOR) || is_uploader(c, b));
	bool known = full ||
		(err == 0 && (call_is(c, ROLE_VERIFIER) && rules_addressed(b->desc.to, c->peer)));
	if (!known) {
		reply_error(c->req, err != 0 ? err : TG_ENOENT, NULL);
		return;
	}
	struct jsonw w = {0};
	jsonw_open(&w, NULL, '{');
	answers_blob(&w, b, full);
	jsonw_close(&w, '}');
	reply_json(c->req, 200, NULL, &w);
}

void blob_stat(struct call *c)
{
	call_sent(c, store_blob_stat(c->api->store, c->id, on_stat, c));
}

void blob_erase(struct call *c)
{
	const char *who = call_is(c, ROLE_OPERATOR) ? NULL : c->peer;
	call_sent(c, store_blob_erase(c->api->store, c->id, who, answers_on_receipt, c));
}
