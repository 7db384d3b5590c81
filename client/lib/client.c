/*
 * client.c: a client's life, and what its calls share: one request, its answer or refusal, time
 * limits and paths. The calls themselves are in client_*.c. Runs in the library. docs/openapi.yaml.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "lib/abi.h"
#include "lib/answer.h"
#include "lib/client.h"
#include "lib/clock.h"

int tg_client_new(const tg_client_opts *opts, tg_client **out)
{
	struct tg_client *c = calloc(1, sizeof *c);
	tg_client_opts o;

	*out = NULL;
	if (c == NULL)
		return TG_ENOMEM;
	*out = c; /* also on failure, so that tg_client_error() can say why */
	client_forget_problem(c);
	if (TG_ABI_IN(o, opts) != 0)
		return client_fail(c, TG_EINVAL, "the options lack their struct_size");
	c->timeout_ms = o.timeout_ms > 0 ? o.timeout_ms : 0;
	return http_conn_init(&c->http, &o);
}

void tg_client_free(tg_client *c)
{
	if (c == NULL)
		return;
	http_conn_destroy(&c->http);
	free(c->fetched);
	free(c->proof);
	free(c);
}

const tg_problem *tg_client_problem(const tg_client *c)
{
	return &c->problem;
}

const char *tg_client_error(const tg_client *c)
{
	return c->http.error;
}

const char *tg_client_json(const tg_client *c)
{
	return c->http.json != NULL ? c->http.json : "";
}

int tg_client_receipt(const tg_client *c, size_t i, tg_receipt *out)
{
	tg_receipt r;
	int err = TG_ABI_OUT_OK(out);

	if (err != 0)
		return err;
	err = answer_read_receipt(&c->http, i, &r);
	TG_ABI_OUT(out, r);
	return err;
}

/* What the calls share ----------------------------------------------------- */

void client_forget_problem(struct tg_client *c)
{
	memset(&c->problem, 0, sizeof c->problem);
	c->problem.struct_size = sizeof c->problem;
	c->problem.retry_after_s = -1;
}

/* The refusal becomes a sentence too, for programs that do not look at its parts. */
static int refused(struct tg_client *c, long status)
{
	const tg_problem *p = &c->problem;
	int err = answer_read_problem(&c->http, status, &c->problem);

	return client_fail(c, err, "refused (%ld): %s%s%s", status, p->title,
		p->detail[0] != '\0' ? ": " : "", p->detail);
}

int client_perform(struct tg_client *c, struct http_call *call)
{
	int err;

	client_forget_problem(c);
	err = http_perform(&c->http, call);
	if (err != 0)
		return err;
	if (call->head.status >= 300)
		return refused(c, call->head.status);
	return call->head.want == HTTP_WANT_CONTENT || call->head.want == HTTP_WANT_PROOF ?
		0 :
		answer_normalise(&c->http);
}

int client_ask(struct tg_client *c, const char *method, const char *path)
{
	struct http_call call = {.method = method,
		.path = path,
		.head.want = HTTP_WANT_JSON,
		.until_mono_ms = client_deadline_mono_ms(c, CLIENT_CALL_MS)};

	return client_perform(c, &call);
}

int64_t client_deadline_mono_ms(const struct tg_client *c, int64_t own_ms)
{
	return clock_mono_ms() + (c->timeout_ms > 0 ? c->timeout_ms : own_ms);
}

int client_path(struct tg_client *c, const char *before, const char *id, const char *after,
	char out[CLIENT_PATH_CHARS])
{
	if (!answer_is_id(id))
		return client_fail(c, TG_EINVAL,
			"not an id: at most %d letters, digits, '-' and '_'", TG_SESSION_MAX);
	snprintf(out, CLIENT_PATH_CHARS, "%s%s%s", before, id, after);
	return 0;
}

int client_fail_result(struct tg_client *c)
{
	return client_fail(c, TG_EINVAL, "the struct for the result has no struct_size");
}

struct client_fetched *client_new_fetched(struct tg_client *c)
{
	if (c->fetched == NULL)
		c->fetched = malloc(sizeof *c->fetched);
	if (c->fetched == NULL)
		return NULL;
	memset(c->fetched, 0, sizeof *c->fetched);
	c->fetched->head.struct_size = sizeof c->fetched->head;
	c->fetched->blob.struct_size = sizeof c->fetched->blob;
	c->fetched->receipt.struct_size = sizeof c->fetched->receipt;
	return c->fetched;
}
