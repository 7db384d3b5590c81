/* call.c: see call.h. It collects the content of small calls (everything but the bytes of a blob)
 * and starts them; what they ask and answer is theirs. Runs in workers. */
#include <stdio.h>
#include <stdlib.h>

#include <timeglas/errors.h>

#include "api/call.h"
#include "api/proof_ask.h"
#include "api/reply.h"
#include "base/scoreboard.h"
#include "base/text.h"
#include "store/attestation.h"
#include "store/store.h"

#define JSON_CONTENT_MAX 4096u
#define DROPPED_CONTENT_MAX 65536u /* CALL_NO_CONTENT */

static void on_body(struct httpd_req *r, struct evbuffer *data, void *ctx)
{
	struct call *c = ctx;
	size_t n = evbuffer_get_length(data);

	if (c->kind->content == CALL_NO_CONTENT) {
		evbuffer_drain(data, n);
		if ((c->text_len += n) > DROPPED_CONTENT_MAX)
			httpd_problem(httpd_req_reply(r), TG_ETOOBIG, "this call takes no content",
				NULL, NULL);
		return;
	}
	if (n > JSON_CONTENT_MAX - c->text_len) {
		evbuffer_drain(data, n);
		httpd_problem(httpd_req_reply(r), TG_ETOOBIG,
			"this call takes a JSON object of at most 4096 bytes", NULL, NULL);
		return;
	}
	if (c->text == NULL && (c->text = malloc(JSON_CONTENT_MAX)) == NULL) {
		reply_error(r, TG_ENOMEM, NULL);
		return;
	}
	evbuffer_remove(data, c->text + c->text_len, n);
	c->text_len += n;
}

static void on_end(struct httpd_req *r, void *ctx)
{
	struct call *c = ctx;

	(void)r;
	c->kind->start(c);
}

static void on_done(struct httpd_req *r, bool ok, void *ctx)
{
	struct call *c = ctx;

	(void)r, (void)ok;
	if (c->waiting)
		store_forget(c->api->store, c);
	if (c->proving)
		proof_ask_forget(c->api->proofs, c);
	call_free(c);
}

void call_free(struct call *c)
{
	free(c->text);
	free(c);
}

void call_begin(struct api *a, struct httpd_req *r, const struct call_kind *kind, const char *id)
{
	static const struct httpd_handler handler = {
		.on_body = on_body, .on_end = on_end, .on_done = on_done};
	const struct conf_peer *peer = httpd_req_peer(r);
	struct call *c = calloc(1, sizeof *c);

	if (c == NULL) {
		reply_error(r, TG_ENOMEM, NULL);
		return;
	}
	c->api = a;
	c->req = r;
	c->kind = kind;
	c->roles = peer->roles;
	text_copy(c->peer, sizeof c->peer, peer->name);
	text_copy(c->id, sizeof c->id, id);
	if (kind->content == CALL_STREAM) {
		kind->start(c);
		return;
	}
	httpd_req_handle(r, &handler, c);
	httpd_req_brief(r);
}

bool call_is(const struct call *c, unsigned role)
{
	return (c->roles & role) != 0;
}

json_t *call_json(struct call *c)
{
	char why[JSON_ERROR_TEXT_LENGTH + 64] = "the content is a JSON object, or nothing";
	json_error_t jerr;
	json_t *o = c->text_len > 0 ?
		json_loadb(c->text, c->text_len, JSON_REJECT_DUPLICATES, &jerr) :
		json_object();

	if (json_is_object(o))
		return o;
	if (o == NULL && c->text_len > 0)
		snprintf(why, sizeof why, "the content is not a well-formed JSON object: %s",
			jerr.text);
	json_decref(o);
	httpd_problem(httpd_req_reply(c->req), TG_EINVAL, why, NULL, NULL);
	return NULL;
}

int call_check_storing(const struct api *a, const char **detail)
{
	enum attest found = attestation();

	/* Of a store that is away the call itself will learn. What it was denied still stands. */
	if (!store_up(a->store) && found != ATTEST_RIGHTS)
		return 0;
	if (!attestation_ok(found)) {
		*detail = attestation_text(found);
		return TG_EATTEST;
	}
	if (a->conf->store_wipe == CONF_WIPE_REQUIRED && attestation_wipes() != WIPE_ALL) {
		*detail = attestation_wipes_text(attestation_wipes());
		return TG_EWIPE;
	}
	return scoreboard_evidence_late(a->conf->audit_max_lag_s) ? TG_EEVIDENCE : 0;
}

bool call_may_store(struct call *c)
{
	const char *detail = NULL;
	int err = c->api->draining ? TG_EDRAIN : call_check_storing(c->api, &detail);

	if (err == 0)
		return true;
	if (detail != NULL)
		httpd_problem(httpd_req_reply(c->req), err, detail, NULL, NULL);
	else
		reply_error(c->req, err, NULL);
	return false;
}

bool call_may_read(struct call *c)
{
	if (attestation() != ATTEST_RIGHTS)
		return true;
	httpd_problem(
		httpd_req_reply(c->req), TG_EATTEST, attestation_text(ATTEST_RIGHTS), NULL, NULL);
	return false;
}

void call_sent(struct call *c, int err)
{
	c->waiting = err == 0;
	if (err != 0)
		reply_error(c->req, err, NULL);
}
