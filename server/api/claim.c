/*
 * claim.c: becoming a blob's one reader (POST /v1/blobs/{id}/claim), and being done with it (POST
 * /v1/claims/{claim}/ack). The reading itself is in take.c. docs/openapi.yaml. Runs in workers.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <timeglas/errors.h>

#include "api/answers.h"
#include "api/claim.h"
#include "api/reply.h"
#include "api/rules.h"
#include "store/store_claim.h"
#include "store/types.h"

static bool only_member(const json_t *o, const char *name)
{
	return json_object_size(o) == (json_object_get(o, name) != NULL ? 1 : 0);
}

/* The Idempotency-Key, or NULL in *out. Returns whether to go on; otherwise answered. */
static bool read_key(struct call *c, char key[RULES_KEY_MAX + 1], const char **out)
{
	const char *detail;
	int err = rules_key(httpd_req_head(c->req), key, &detail);
	if (err != 0)
		httpd_problem(httpd_req_reply(c->req), err, detail, NULL, NULL);
	*out = key[0] != '\0' ? key : NULL;
	return err == 0;
}

/* {lease_s?}. Returns 0 or, with a sentence, TG_EINVAL or TG_ETTL. */
static int read_lease(const json_t *o, uint32_t *lease_s, const char **detail)
{
	const json_t *v = json_object_get(o, "lease_s");
	*lease_s = TG_LEASE_S;
	if (!only_member(o, "lease_s") || (v != NULL && !json_is_integer(v))) {
		*detail = "the content is {\"lease_s\": a whole number of seconds}, or nothing";
		return TG_EINVAL;
	}
	if (v != NULL &&
		(json_integer_value(v) < 1 || json_integer_value(v) > (json_int_t)TG_LEASE_MAX_S)) {
		*detail =
			"lease_s is at least 1 and at most 900 seconds, the ceiling of every claim";
		return TG_ETTL;
	}
	if (v != NULL)
		*lease_s = (uint32_t)json_integer_value(v);
	return 0;
}

static void on_claim(
	void *ctx, int err, const struct store_claim *claim, const struct store_blob *b)
{
	struct call *c = ctx;
	c->waiting = false;
	if (err != 0) {
		reply_error(c->req, err, b);
		return;
	}
	char location[32 + STORE_CLAIM_LEN];
	snprintf(location, sizeof location, "Location: /v1/claims/%s\r\n", claim->token);
	struct jsonw w = {0};
	jsonw_open(&w, NULL, '{');
	jsonw_str(&w, "claim", claim->token);
	jsonw_u64(&w, "size", b->desc.size_bytes);
	jsonw_str(&w, "sha256", b->desc.sha256);
	jsonw_time(&w, "lease_deadline", claim->lease_deadline_ms);
	jsonw_close(&w, '}');
	reply_json(c->req, claim->repeated ? 200 : 201, location, &w);
}

void claim_start(struct call *c)
{
	struct store_claim_opts o = {
		.id = c->id, .peer = c->peer, .processor = !call_is(c, ROLE_VERIFIER)};
	char key[RULES_KEY_MAX + 1];
	const char *detail;
	if (!call_may_read(c))
		return;
	json_t *content = call_json(c);
	if (content == NULL)
		return;
	int err = read_lease(content, &o.lease_s, &detail);
	json_decref(content);
	if (err != 0)
		httpd_problem(httpd_req_reply(c->req), err, detail, NULL, NULL);
	else if (read_key(c, key, &o.key))
		call_sent(c, store_claim_begin(c->api->store, &o, on_claim, c));
}

static const char *read_outcome(const json_t *o)
{
	static const char *const known[] = {
		"ok", "decrypt-failed", "bad-signature", "mislabelled", "rejected"};
	const json_t *v = json_object_get(o, "outcome");
	if (!only_member(o, "outcome") || !json_is_string(v))
		return NULL;
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (strcmp(json_string_value(v), known[i]) == 0)
			return known[i];
	return NULL;
}

void claim_ack(struct call *c)
{
	char key[RULES_KEY_MAX + 1];
	const char *use;
	json_t *content = call_json(c);
	if (content == NULL)
		return;
	const char *outcome = read_outcome(content);
	json_decref(content);
	if (outcome == NULL)
		httpd_problem(httpd_req_reply(c->req), TG_EINVAL,
			"the content is {\"outcome\": one of ok, decrypt-failed, bad-signature, "
			"mislabelled, rejected}",
			NULL, NULL);
	else if (read_key(c, key, &use))
		call_sent(c,
			store_claim_ack(c->api->store, c->id, c->peer, outcome, use,
				answers_on_receipt, c));
}
