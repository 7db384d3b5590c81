/* session.c: see session.h. What a session is and when it ends is the store's to decide. Runs in
 * workers. */
#include <stdio.h>
#include <string.h>

#include <jansson.h>
#include <timeglas/errors.h>

#include "api/answers.h"
#include "api/reply.h"
#include "api/rules.h"
#include "api/session.h"
#include "core/subject.h"
#include "store/store_session.h"
#include "store/types.h"

static void reply_gone_session(struct call *c, const struct store_session *s)
{
	char cause[sizeof s->state + 8];

	snprintf(cause, sizeof cause, "session-%s", s->state);
	reply_gone(c->req, "session", cause, s->gone_at_ms);
}

/* location: the header line, or NULL. */
static void reply_session(
	struct call *c, int status, const char *location, const struct store_session *s)
{
	struct jsonw w = {0};

	jsonw_open(&w, NULL, '{');
	answers_session(&w, s);
	jsonw_close(&w, '}');
	reply_json(c->req, status, location, &w);
}

/* Open --------------------------------------------------------------------- */

static int read_idle(const json_t *v, uint32_t *idle_s, const char **why)
{
	const json_int_t s = json_integer_value(v);

	*why = "idle_s is a whole number of seconds from 1 to 3600";
	if (!json_is_integer(v) || s < 1 || s > (json_int_t)TG_SESSION_MAX_S)
		return TG_EINVAL;
	*idle_s = (uint32_t)s;
	return 0;
}

static int read_subject(
	const json_t *v, const char *uploader, char hash[STORE_SUBJECT_LEN + 1], const char **why)
{
	*why = "subject is 64 lower-case hexadecimal digits: a keyed pseudonym, never a document "
	       "number";
	if (!json_is_string(v))
		return TG_ESUBJECT;
	return subject_hash(uploader, json_string_value(v), json_string_length(v), hash);
}

/* {subject?, idle_s?}. Returns 0, or an error with the sentence in *why. */
static int read_open(const json_t *o, const char *uploader, char subject[STORE_SUBJECT_LEN + 1],
	uint32_t *idle_s, const char **why)
{
	const json_t *subject_v = json_object_get(o, "subject"),
		     *idle_v = json_object_get(o, "idle_s");
	int err = 0;

	if (json_object_size(o) != (size_t)((subject_v != NULL) + (idle_v != NULL))) {
		*why = "only subject and idle_s are known here";
		return TG_EINVAL;
	}
	if (idle_v != NULL)
		err = read_idle(idle_v, idle_s, why);
	if (err == 0 && subject_v != NULL)
		err = read_subject(subject_v, uploader, subject, why);
	return err;
}

static void on_open(void *ctx, int err, const struct store_session *s)
{
	struct call *c = ctx;
	char location[64];

	c->waiting = false;
	if (err != 0) {
		reply_error(c->req, err, NULL);
		return;
	}
	snprintf(location, sizeof location, "Location: /v1/sessions/%s\r\n", s->id);
	reply_session(c, 201, location, s);
}

void session_open(struct call *c)
{
	char subject[STORE_SUBJECT_LEN + 1] = "";
	const char *why = NULL;
	uint32_t idle_s = TG_SESSION_IDLE_S;
	json_t *content;
	int err;

	if (!call_may_store(c) || (content = call_json(c)) == NULL)
		return;
	err = read_open(content, c->peer, subject, &idle_s, &why);
	json_decref(content);
	if (err != 0)
		httpd_problem(httpd_req_reply(c->req), err, why, NULL, NULL);
	else
		call_sent(
			c, store_session_open(c->api->store, c->peer, subject, idle_s, on_open, c));
}

/* Touch -------------------------------------------------------------------- */

static void on_touch(void *ctx, int err, const struct store_session *s)
{
	struct call *c = ctx;

	c->waiting = false;
	if (err == TG_EGONE && s != NULL)
		reply_gone_session(c, s);
	else if (err != 0)
		reply_error(c->req, err, NULL);
	else
		reply_session(c, 200, NULL, s);
}

void session_touch(struct call *c)
{
	call_sent(c, store_session_touch(c->api->store, c->id, c->peer, on_touch, c));
}

/* Show --------------------------------------------------------------------- */

/* May the caller, who may see all of it or not, know of this blob of the session? */
static bool may_see(const struct call *c, bool all, const struct store_blob *b)
{
	return all || (call_is(c, ROLE_VERIFIER) && rules_addressed(b->desc.to, c->peer));
}

static void on_show(
	void *ctx, int err, const struct store_session *s, const struct store_blob *blobs, size_t n)
{
	struct call *c = ctx;
	struct jsonw w = {0};
	bool all, known;

	c->waiting = false;
	if (err != 0) {
		reply_error(c->req, err, NULL);
		return;
	}
	/* Who may close the session sees what that would erase. */
	all = call_is(c, ROLE_OPERATOR) ||
		(call_is(c, ROLE_UPLOADER) && strcmp(s->uploader, c->peer) == 0);
	known = all;
	for (size_t i = 0; i < n && !known; i++)
		known = may_see(c, all, &blobs[i]);
	if (!known) {
		reply_error(c->req, TG_ENOENT, NULL);
		return;
	}
	jsonw_open(&w, NULL, '{');
	answers_session(&w, s);
	jsonw_open(&w, "blobs", '[');
	for (size_t i = 0; i < n; i++) {
		if (!may_see(c, all, &blobs[i]))
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

/* Close -------------------------------------------------------------------- */

static void on_close(
	void *ctx, int err, const struct store_session *s, const struct store_blob *blobs, size_t n)
{
	struct call *c = ctx;
	struct jsonw w = {0};

	c->waiting = false;
	if (err != 0) {
		reply_error(c->req, err, NULL);
		return;
	}
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
	const char *who = call_is(c, ROLE_OPERATOR) ? NULL : c->peer;

	if (head->has_query && (query.n != 9 || memcmp(query.p, "erase=all", 9) != 0))
		httpd_problem(httpd_req_reply(c->req), TG_EINVAL,
			"the only query known here is ?erase=all", NULL, NULL);
	else
		call_sent(c,
			store_session_close(
				c->api->store, c->id, who, head->has_query, on_close, c));
}
