/*
 * client_sessions.c: the calls of timeglas.h about sessions: open, show, touch, close. Runs in the
 * library. docs/openapi.yaml.
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include "lib/abi.h"
#include "lib/answer.h"
#include "lib/client.h"

/* The request's JSON, which the caller frees; NULL without memory. */
static char *open_body(const char *subject, uint32_t idle_s)
{
	json_t *o = json_object();
	char *body = NULL;

	if (o != NULL &&
		(subject == NULL || json_object_set_new(o, "subject", json_string(subject)) == 0) &&
		(idle_s == 0 || json_object_set_new(o, "idle_s", json_integer(idle_s)) == 0))
		body = json_dumps(o, JSON_COMPACT);
	json_decref(o);
	return body;
}

int tg_client_session_open(tg_client *c, const char *subject, uint32_t idle_s, tg_session *out)
{
	struct http_call call = {.method = "POST",
		.path = "/v1/sessions",
		.head.want = HTTP_WANT_CREATED,
		.until_mono_ms = client_deadline_mono_ms(c, CLIENT_CALL_MS)};
	tg_session session;
	char *body;
	int err;

	if (TG_ABI_OUT_OK(out) != 0)
		return client_fail_result(c);
	body = open_body(subject, idle_s);
	if (body == NULL)
		return client_fail(c, TG_ENOMEM, "%s", tg_strerror(TG_ENOMEM));
	call.body = body;
	err = client_perform(c, &call);
	if (err == 0)
		err = answer_read_session(&c->http, &session);
	if (err == 0 && (session.deadline[0] == '\0' || session.idle_s == 0))
		err = client_fail(
			c, TG_EPROTO, "the server does not say until when the session lasts");
	if (err == 0)
		TG_ABI_OUT(out, session);
	free(body);
	return err;
}

static int session_call(struct tg_client *c, const char *method, const char *sid, const char *after,
	tg_session *out)
{
	char path[CLIENT_PATH_CHARS];
	tg_session session;
	int err = TG_ABI_OUT_OK(out) != 0 ? client_fail_result(c) :
					    client_path(c, "/v1/sessions/", sid, after, path);

	if (err == 0)
		err = client_ask(c, method, path);
	if (err == 0)
		err = answer_read_session(&c->http, &session);
	if (err == 0 && strcmp(session.session, sid) != 0)
		err = client_fail(c, TG_EPROTO,
			"the server's answer is about another session than was asked for");
	if (err == 0 && strcmp(method, "DELETE") == 0 && strcmp(session.state, "open") == 0)
		err = client_fail(c, TG_EPROTO, "the server says that the session is still open");
	if (err == 0 && strcmp(method, "DELETE") == 0)
		err = answer_check_receipts(&c->http, NULL);
	if (err == 0)
		TG_ABI_OUT(out, session);
	return err;
}

int tg_client_session_show(tg_client *c, const char *sid, tg_session *out)
{
	return session_call(c, "GET", sid, "", out);
}

int tg_client_session_touch(tg_client *c, const char *sid, tg_session *out)
{
	return session_call(c, "POST", sid, "/touch", out);
}

int tg_client_session_close(tg_client *c, const char *sid, int erase_all, tg_session *out)
{
	return session_call(c, "DELETE", sid, erase_all ? "?erase=all" : "", out);
}
