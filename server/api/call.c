/* call.c: small calls (everything but the bytes of a blob): collect the content, start, answer
 * once. Runs in workers. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <timeglas/errors.h>

#include "api/call.h"
#include "base/scoreboard.h"
#include "base/text.h"
#include "core/time.h"

#define JSON_CONTENT_MAX 4096u
#define DROPPED_CONTENT_MAX 65536u /* content of a call that takes none */

static void on_body(struct httpd_req *r, struct evbuffer *data, void *ctx)
{
	struct call *c = ctx;
	size_t n = evbuffer_get_length(data);
	if (c->route->content == ROUTE_NO_CONTENT) {
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
	c->route->start(c);
}

static void on_done(struct httpd_req *r, bool ok, void *ctx)
{
	struct call *c = ctx;
	(void)r, (void)ok;
	if (c->waiting)
		store_forget(c->api->store, c);
	call_free(c);
}

void call_free(struct call *c)
{
	free(c->text);
	free(c);
}

void call_begin(struct api *a, struct httpd_req *r, const struct route *route, const char *id)
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
	c->route = route;
	c->roles = peer->roles;
	text_copy(c->peer, sizeof c->peer, peer->name);
	text_copy(c->id, sizeof c->id, id);
	if (route->content == ROUTE_STREAM) {
		route->start(c);
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

int api_may_store(const struct api *a, const char **detail)
{
	enum attest found = scoreboard_attest();

	if (!store_up(a->store) && found != ATTEST_RIGHTS) /* the call itself will say so */
		return 0;
	if (!scoreboard_attest_ok(found)) {
		*detail = scoreboard_attest_text(found);
		return TG_EATTEST;
	}
	return scoreboard_evidence_late(a->conf->audit_max_lag_s) ? TG_EEVIDENCE : 0;
}

bool call_may_store(struct call *c)
{
	const char *detail = NULL;
	int err = c->api->draining ? TG_EDRAIN : api_may_store(c->api, &detail);

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
	if (scoreboard_attest() != ATTEST_RIGHTS)
		return true;
	httpd_problem(httpd_req_reply(c->req), TG_EATTEST, scoreboard_attest_text(ATTEST_RIGHTS),
		NULL, NULL);
	return false;
}

void call_sent(struct call *c, int err)
{
	c->waiting = err == 0;
	if (err != 0)
		reply_error(c->req, err, NULL);
}

void reply_json(struct httpd_req *r, int status, const char *fields, struct jsonw *w)
{
	size_t n = 0;
	const char *text = jsonw_text(w, &n);
	if (text == NULL)
		reply_error(r, TG_ENOMEM, NULL);
	else
		httpd_reply(httpd_req_reply(r), status, fields, "application/json", text, n);
	jsonw_free(w);
}

static const char *sentence(int err)
{
	switch (err) {
	case TG_ENOENT:
		return "there is no such blob or session, or this peer may not know of it";
	case TG_ECLAIMED:
		return "claimed by another verifier; it will be erased, not released";
	case TG_ETAKEN:
		return "this Timeglas-Name is in use, or was within the last day; repeat an upload "
		       "with the same fields and content, and seal new content anew";
	case TG_ESESSION:
		return "the session named in Timeglas-Session is not open: it has ended, or never "
		       "was; open a new one";
	case TG_ESUBJECT:
		return "Timeglas-Subject is not the subject of this session; leave it out, or "
		       "open a session with that subject";
	case TG_EQUOTA:
		return "the session holds as much session-bound evidence as it may; have it "
		       "fetched, or close the session";
	case TG_EPROCESSOR:
		return "a processor may claim passports only, and none that was issued in Denmark, "
		       "the Faroe Islands or Greenland";
	case TG_EREUSED:
		return "this Idempotency-Key was used for something else within the last days; "
		       "draw a new one for each request";
	case TG_EINFLIGHT:
		return "the first request with this Idempotency-Key is still under way, or broke "
		       "off a moment ago; try again shortly";
	case TG_ETTL:
		return "the blob's lifetime was over before its upload was complete; send it "
		       "faster or allow it a longer one";
	case TG_EFULL:
		return "the store is full; try again when blobs have been fetched or have expired";
	case TG_ESTORE:
		return "the store cannot be reached; an upload was not stored, and whether another "
		       "call took effect is not known; try again shortly";
	case TG_ECOMPARE:
		return "the store is being compared with the evidence, so that nothing that has "
		       "ended is handed out again; try again shortly";
	case TG_EDRAIN:
		return "this server is shutting down and takes no uploads; use another, or try "
		       "again shortly";
	case TG_EEVIDENCE:
		return "what is stored here must be recorded, and the evidence file cannot be "
		       "written now; try again shortly";
	default:
		return tg_strerror(err);
	}
}

void reply_gone(struct httpd_req *r, const char *what, const char *cause, int64_t at_ms)
{
	char members[96], at[TG_TIME_LEN + 1], detail[128];
	snprintf(members, sizeof members, ",\"cause\":\"%s\",\"gone_at\":\"%s\"", cause,
		tg_time_format(at_ms, at));
	snprintf(detail, sizeof detail, "the %s ended (%s) at %s and cannot be had again", what,
		cause, at);
	httpd_problem(httpd_req_reply(r), TG_EGONE, detail, NULL, members);
}

/* For the claimant alone: it may have lost the answer that named its claim. */
static void reply_own_claim(struct httpd_req *r, int64_t until_ms)
{
	char members[64], at[TG_TIME_LEN + 1], detail[256];
	tg_time_format(until_ms, at);
	snprintf(members, sizeof members, ",\"lease_deadline\":\"%s\"", at);
	snprintf(detail, sizeof detail,
		"this certificate has claimed the blob already, and it is erased at %s at the "
		"latest; go on with that claim, or repeat its request with the "
		"Idempotency-Key that it had",
		at);
	httpd_problem(httpd_req_reply(r), TG_ECLAIMED, detail, NULL, members);
}

void reply_error(struct httpd_req *r, int err, const struct store_blob *blob)
{
	if (err == TG_EGONE && blob != NULL && blob->cause[0] != '\0') {
		reply_gone(r, "blob", blob->cause, blob->gone_at_ms);
		return;
	}
	if (err == TG_ECLAIMED && blob != NULL && blob->own_lease_ms != 0) {
		reply_own_claim(r, blob->own_lease_ms);
		return;
	}
	if (tg_error_status(err) == 0)
		err = TG_EINTERNAL;
	httpd_problem(httpd_req_reply(r), err, sentence(err), NULL, NULL);
}
