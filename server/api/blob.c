/* blob.c: see blob.h. Runs in workers. */
#include <string.h>

#include <timeglas/errors.h>

#include "api/answers.h"
#include "api/blob.h"
#include "api/refused_reads.h"
#include "api/reply.h"
#include "api/rules.h"
#include "store/store_blob.h"
#include "store/types.h"

/* May the caller know all of the blob: its tag, its outcome and its event? */
static bool may_know_all(const struct call *c, const struct store_blob *b)
{
	return call_is(c, ROLE_OPERATOR) ||
		(call_is(c, ROLE_UPLOADER) && strcmp(b->desc.uploader, c->peer) == 0);
}

static void on_stat(void *ctx, int err, const struct store_blob *b)
{
	struct call *c = ctx;
	struct jsonw w = {0};
	bool all;

	c->waiting = false;
	if (err != 0) {
		refused_reads_note(c->api->refused, c->id, c->peer,
			err == TG_ENOENT ? REFUSED_UNKNOWN : REFUSED_NONE);
		reply_error(c->req, err, NULL);
		return;
	}
	all = may_know_all(c, b);
	if (!all && !(call_is(c, ROLE_VERIFIER) && rules_addressed(b->desc.to, c->peer))) {
		refused_reads_note(c->api->refused, c->id, c->peer, REFUSED_NOT_ADDRESSED);
		reply_error(c->req, TG_ENOENT, NULL);
		return;
	}
	jsonw_open(&w, NULL, '{');
	answers_blob(&w, b, all);
	jsonw_close(&w, '}');
	reply_json(c->req, 200, NULL, &w);
}

void blob_stat(struct call *c)
{
	call_sent(c, store_blob_stat(c->api->store, c->id, on_stat, c));
}

void blob_erase(struct call *c)
{
	/* NULL: the store does not compare who uploaded it. */
	const char *uploader = call_is(c, ROLE_OPERATOR) ? NULL : c->peer;

	call_sent(c, store_blob_erase(c->api->store, c->id, uploader, answers_on_receipt, c));
}
