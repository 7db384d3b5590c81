/*
 * receipt.c: see receipt.h. The recorder makes the proof; who may have it is decided here, by what
 * the record itself says. Who may not is answered as if there were no such event. Runs in workers.
 */
#include <string.h>

#include <timeglas/errors.h>

#include "api/proof_ask.h"
#include "api/receipt.h"
#include "api/reply.h"
#include "core/chain.h"

static const char *const no_such =
	"there is no such event, or this peer may not know of it; a receipt and GET /v1/blobs/{id} "
	"name a blob's";

static const char later[] = "no checkpoint covers this event yet; ask again in a second\n";

#define TEXT "text/plain; charset=utf-8"

/* Returns whether a list of names with blanks between them has that one. */
static bool has_name(struct chain_text list, const char *name)
{
	const size_t len = strlen(name);

	for (size_t at = 0; at < list.n;) {
		const char *blank = memchr(list.p + at, ' ', list.n - at);
		const size_t n = blank != NULL ? (size_t)(blank - list.p) - at : list.n - at;

		if (n == len && memcmp(list.p + at, name, n) == 0)
			return true;
		at += n + 1;
	}
	return false;
}

/* Uploader, readers and operators may have the proof. A peer that was refused is no reader. */
static bool may_have(const struct call *c, const char *line, size_t n)
{
	struct chain_line l;
	const struct chain_record *r = &l.record;

	if (call_is(c, ROLE_OPERATOR))
		return true;
	if (chain_scan(line, n, &l) != 0 || l.is_check)
		return false;
	if (call_is(c, ROLE_UPLOADER) && has_name(r->uploader, c->peer))
		return true;
	return !chain_is(r->event, "refused") &&
		(has_name(r->to, c->peer) || has_name(r->by, c->peer));
}

static void on_answer(void *ctx, const struct proof_link_answer *a)
{
	struct call *c = ctx;
	struct httpd_reply *rep = httpd_req_reply(c->req);
	const uint32_t status = a != NULL ? a->status : PROOF_LINK_AWAY;

	c->proving = false;
	if (status == PROOF_LINK_AWAY) {
		httpd_problem(rep, TG_EEVIDENCE,
			"the evidence of this server cannot be asked now, or another server writes "
			"it; ask that one, or try again shortly",
			NULL, NULL);
		return;
	}
	if (status == PROOF_LINK_UNKNOWN || (a->line_n > 0 && !may_have(c, a->bytes, a->line_n))) {
		httpd_problem(rep, TG_ENOENT, no_such, NULL, NULL);
		return;
	}
	if (status == PROOF_LINK_READY)
		httpd_reply(rep, 200, NULL, TEXT, a->bytes + a->line_n, a->text_n);
	else
		httpd_reply(rep, 202, "Retry-After: 1\r\n", TEXT, later, sizeof later - 1);
}

void receipt_show(struct call *c)
{
	int err;

	if (c->id[0] == '\0') {
		httpd_problem(httpd_req_reply(c->req), TG_ENOENT, no_such, NULL, NULL);
		return;
	}
	err = proof_ask_send(c->api->proofs, c->id, on_answer, c);
	c->proving = err == 0;
	if (err == TG_EEVIDENCE)
		httpd_problem(httpd_req_reply(c->req), err,
			"too many proofs are being made; try again shortly", NULL, NULL);
	else if (err != 0)
		reply_error(c->req, err, NULL);
}
