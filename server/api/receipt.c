/*
 * receipt.c: see receipt.h. The recorder makes the proof, and decides by what the record says who
 * may have it. Runs in workers.
 */
#include <timeglas/errors.h>

#include "api/proof_ask.h"
#include "api/receipt.h"
#include "api/reply.h"
#include "base/metrics.h"
#include "base/text.h"
#include "conf/conf.h"

_Static_assert(PROOF_LINK_PEER_MAX == CONF_NAME_MAX, "proof_link.h has the same bound");

static const char *const no_such =
	"there is no such event, or this peer may not know of it; a receipt and GET /v1/blobs/{id} "
	"name a blob's";

static const char later[] = "no checkpoint covers this event yet; ask again in a second\n";

#define TEXT "text/plain; charset=utf-8"

static void refuse(struct call *c)
{
	metrics_count(M_PROOFS_REFUSED, 1);
	httpd_problem(httpd_req_reply(c->req), TG_ENOENT, no_such, NULL, NULL);
}

static void say_unavailable(struct call *c, const char *why)
{
	metrics_count(M_PROOFS_AWAY, 1);
	httpd_problem(httpd_req_reply(c->req), TG_EEVIDENCE, why, NULL, NULL);
}

static void on_answer(void *ctx, const struct proof_link_answer *a)
{
	struct call *c = ctx;
	struct httpd_reply *rep = httpd_req_reply(c->req);
	const uint32_t status = a != NULL ? a->status : PROOF_LINK_AWAY;

	c->proving = false;
	if (status == PROOF_LINK_AWAY) {
		say_unavailable(c,
			"the evidence of this server cannot be asked now, or another "
			"server writes it; ask that one, or try again shortly");
	} else if (status == PROOF_LINK_UNKNOWN) {
		refuse(c);
	} else if (status == PROOF_LINK_READY) {
		metrics_count(M_PROOFS_SERVED, 1);
		httpd_reply(rep, 200, NULL, TEXT, a->text, a->text_n);
	} else {
		metrics_count(M_PROOFS_PENDING, 1);
		httpd_reply(rep, 202, "Retry-After: 1\r\n", TEXT, later, sizeof later - 1);
	}
}

void receipt_show(struct call *c)
{
	struct proof_link_request r = {
		.is_operator = call_is(c, ROLE_OPERATOR), .is_uploader = call_is(c, ROLE_UPLOADER)};
	int err;

	if (c->id[0] == '\0') {
		refuse(c);
		return;
	}
	text_copy(r.event, sizeof r.event, c->id);
	text_copy(r.peer, sizeof r.peer, c->peer);
	err = proof_ask_send(c->api->proofs, &r, on_answer, c);
	c->proving = err == 0;
	if (err == TG_EEVIDENCE)
		say_unavailable(c, "too many proofs are being asked for; try again shortly");
	else if (err != 0)
		reply_error(c->req, err, NULL);
}
