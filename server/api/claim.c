/* claim.c: see claim.h. Which claim wins is decided by the store; the reading is in take.c. Runs in
 * workers. */
#include <stdio.h>
#include <string.h>

#include <jansson.h>
#include <timeglas/errors.h>

#include "api/answers.h"
#include "api/claim.h"
#include "api/refused_reads.h"
#include "api/reply.h"
#include "api/rules.h"
#include "store/store_claim.h"
#include "store/types.h"

/* Has the object this member alone, or none? */
static bool only_member(const json_t *o, const char *name)
{
	return json_object_size(o) == (json_object_get(o, name) != NULL ? 1 : 0);
}

/* Reads the Idempotency-Key into key. *out: key, or NULL when there is none. Returns whether to go
 * on; if not, the problem has been answered. */
static bool read_key(struct call *c, char key[RULES_KEY_MAX + 1], const char **out)
{
	const char *detail;
	int err = rules_key(httpd_req_head(c->req), key, &detail);

	if (err != 0)
		httpd_problem(httpd_req_reply(c->req), err, detail, NULL, NULL);
	*out = key[0] != '\0' ? key : NULL;
	return err == 0;
}

/* Claim -------------------------------------------------------------------- */

/* {lease_s?}. Returns 0, or TG_EINVAL or TG_ETTL with the sentence in *detail. */
static int read_lease(const json_t *o, uint32_t *lease_s, const char **detail)
{
	const json_t *v = json_object_get(o, "lease_s");

	*lease_s = TG_LEASE_S;
	if (!only_member(o, "lease_s") || (v != NULL && !json_is_integer(v))) {
		*detail = "the content is {\"lease_s\": a whole number of seconds}, or nothing";
		return TG_EINVAL;
	}
	if (v == NULL)
		return 0;
	if (json_integer_value(v) < 1 || json_integer_value(v) > (json_int_t)TG_LEASE_MAX_S) {
		*detail =
			"lease_s is at least 1 and at most 900 seconds, the ceiling of every claim";
		return TG_ETTL;
	}
	*lease_s = (uint32_t)json_integer_value(v);
	return 0;
}

static void on_claim(
	void *ctx, int err, const struct store_claim *claim, const struct store_blob *b)
{
	struct call *c = ctx;
	char location[32 + STORE_CLAIM_LEN];
	struct jsonw w = {0};

	c->waiting = false;
	if (err != 0) {
		refused_reads_of(c, err, b);
		reply_error(c->req, err, b);
		return;
	}
	snprintf(location, sizeof location, "Location: /v1/claims/%s\r\n", claim->token);
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
	const char *detail = NULL;
	json_t *content;
	int err;

	if (!call_may_read(c) || (content = call_json(c)) == NULL)
		return;
	err = read_lease(content, &o.lease_s, &detail);
	json_decref(content);
	if (err != 0)
		httpd_problem(httpd_req_reply(c->req), err, detail, NULL, NULL);
	else if (read_key(c, key, &o.key))
		call_sent(c, store_claim_begin(c->api->store, &o, on_claim, c));
}

/* Ack ---------------------------------------------------------------------- */

/* {outcome}. Returns a static text, or NULL: the content is not as it should be. */
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
	const char *use, *outcome;
	json_t *content = call_json(c);

	if (content == NULL)
		return;
	outcome = read_outcome(content);
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
