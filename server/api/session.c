/* session.c: open, show, touch and close a session (docs/openapi.yaml). Runs in workers. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <timeglas/errors.h>

#include "api/answers.h"
#include "api/reply.h"
#include "api/rules.h"
#include "api/session.h"
#include "store/store_session.h"
#include "store/types.h"

/* {subject?, idle_s?}. Of the subject its hash is taken. Returns 0, or an error and a sentence. */
static int read_open(const json_t *o, const char *uploader, char subject[STORE_SUBJECT_LEN + 1],
	uint32_t *idle_s, const char **why)
{
	const char *key;
	json_t *v;
	json_object_foreach((json_t *)(uintptr_t)o, key, v)
	{
		if (strcmp(key, "idle_s") == 0) {
			json_int_t s = json_integer_value(v);
			if (!json_is_integer(v) || s < 1 || s > (json_int_t)TG_SESSION_MAX_S)
				return *why = "idle_s is a whole number of seconds from 1 to 3600",
				       TG_EINVAL;
			*idle_s = (uint32_t)s;
		} else if (strcmp(key, "subject") == 0) {
			if (!json_is_string(v) ||
				rules_subject(uploader, json_string_value(v), json_string_length(v),
					subject) != 0)
				return *why = "subject is 64 lower-case hexadecimal digits: a "
					      "keyed pseudonym, never a document number",
				       TG_ESUBJECT;
		} else
			return *why = "only subject and idle_s are known here", TG_EINVAL;
	}
	return 0;
}

static void on_session(void *ctx, int err, const struct store_session *s)
{
	struct call *c = ctx;
	struct jsonw w = {0};
	c->waiting = false;
	if (err == TG_EGONE) {
		char cause[sizeof s->state + 8];
		snprintf(cause, sizeof cause, "session-%s", s->state);
		reply_gone(c->req, "session", cause, s->gone_at_ms);
		return;
	}
	if (err != 0) {
		reply_error(c->req, err, NULL);
		return;
	}
	jsonw_open(&w, NULL, '{');
	answers_session(&w, s);
	jsonw_close(&w, '}');
	if (c->flag) {
		char location[64];
		snprintf(location, sizeof location, "Location: /v1/sessions/%s\r\n", s->id);
		reply_json(c->req, 201, location, &w);
	} else
		reply_json(c->req, 200, NULL, &w);
}

void session_open(struct call *c)
{
	char subject[STORE_SUBJECT_LEN + 1] = "";
	const char *why = NULL;
	uint32_t idle_s = TG_SESSION_IDLE_S;
	if (!call_may_store(c))
		return;
	json_t *content = call_json(c);
	if (content == NULL)
		return;
	int err = read_open(content, c->peer, subject, &idle_s, &why);
	json_decref(content);
	if (err != 0) {
		httpd_problem(httpd_req_reply(c->req), err, why, NULL, NULL);
		return;
	}
	c->flag = true;
	call_sent(c, store_session_open(c->api->store, c->peer, subject, idle_s, on_session, c));
}

void session_touch(struct call *c)
{
	call_sent(c, store_session_touch(c->api->store, c->id, c->peer, on_session, c));
}

static void on_show(
	void *ctx, int err, const struct store_session *s, const struct store_blob *blobs, size_t n)
{
	struct call *c = ctx;
	c->waiting = false;
	bool mine = err == 0 && call_is(c, ROLE_UPLOADER) && strcmp(s->uploader, c->peer) == 0;
	/* who may close it sees what it would close */
	const bool all = mine || call_is(c, ROLE_OPERATOR);
	bool known = err == 0 && all;
	for (size_t i = 0; err == 0 && i < n && !known; i++)
		known = call_is(c, ROLE_VERIFIER) && rules_addressed(blobs[i].desc.to, c->peer);
	if (!known) {
		reply_error(c->req, err != 0 ? err : TG_ENOENT, NULL);
		return;
	}
	struct jsonw w = {0};
	jsonw_open(&w, NULL, '{');
	answers_session(&w, s);
	jsonw_open(&w, "blobs", '[');
	for (size_t i = 0; i < n; i++) {
		if (!all && !rules_addressed(blobs[i].desc.to, c->peer))
			continue;
		jsonw_open(&w, NULL, '{');
		answers_blob(&w, &blobs[i], all);
		jsonw_close(&w, '}');
	}
	jsonw_close(&w, ']');
	jsonw_close(&w, '}');
	reply_json(c->req, 200, NULL, &w);
}

void session_show(struct call *c)
{
	call_sent(c, store_session_show(c->api->store, c->id, on_show, c));
}

static void on_close(
	void *ctx, int err, const struct store_session *s, const struct store_blob *blobs, size_t n)
{
	struct call *c = ctx;
	c->waiting = false;
	if (err != 0) {
		reply_error(c->req, err, NULL);
		return;
	}
	struct jsonw w = {0};
	jsonw_open(&w, NULL, '{');
	jsonw_str(&w, "session", s->id);
	jsonw_str(&w, "state", s->state);
	jsonw_open(&w, "receipts", '[');
	for (size_t i = 0; i < n; i++)
		answers_receipt(&w, NULL, &blobs[i]);
	jsonw_close(&w, ']');
	jsonw_close(&w, '}');
	reply_json(c->req, 200, NULL, &w);
}

void session_close(struct call *c)
{
	const struct h1_head *head = httpd_req_head(c->req);
	const struct h1_str query = head->query;
	if (head->has_query && (query.n != 9 || memcmp(query.p, "erase=all", 9) != 0)) {
		httpd_problem(httpd_req_reply(c->req), TG_EINVAL,
			"the only query known here is ?erase=all", NULL, NULL);
		return;
	}
	const char *who = call_is(c, ROLE_OPERATOR) ? NULL : c->peer;
	call_sent(c, store_session_close(c->api->store, c->id, who, head->has_query, on_close, c));
}
