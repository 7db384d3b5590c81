/* httpd_problem.c: see httpd_problem.h. Runs in workers. */
#include <stdio.h>
#include <string.h>

#include <timeglas/errors.h>

#include "base/jsonw.h"
#include "http/httpd_problem.h"
#include "http/httpd_reply_int.h"

#define RETRY_AFTER "Retry-After: 1\r\n"

/* The document without its last brace. */
static void write_members(
	struct jsonw *w, const struct httpd_reply *rep, int code, const char *detail)
{
	char type[64];

	snprintf(type, sizeof type, "/problems/%s", rep->slug);
	jsonw_open(w, NULL, '{');
	jsonw_str(w, "type", type);
	jsonw_str(w, "title", tg_strerror(code));
	jsonw_u64(w, "status", (uint64_t)tg_error_status(code));
	jsonw_str(w, "detail", detail);
	jsonw_str(w, "request", rep->id);
}

void httpd_problem(struct httpd_reply *rep, int code, const char *detail, const char *fields,
	const char *members)
{
	struct jsonw w = {0};
	char all[sizeof RETRY_AFTER + HTTPD_REPLY_FIELDS_MAX];
	size_t n = 0;

	if (rep->progress != HTTPD_REPLY_NONE || httpd_conn_is_dead(rep->conn))
		return;
	rep->slug = tg_error_slug(code);
	/* A field that is cut off would swallow the next line: no answer is better. */
	if (snprintf(all, sizeof all, "%s%s", tg_error_retryable(code) ? RETRY_AFTER : "",
		    fields != NULL ? fields : "") >= (int)sizeof all) {
		httpd_reply_abort(rep);
		return;
	}
	write_members(&w, rep, code, detail);
	const char *text = jsonw_text(&w, &n);
	const size_t extra = members != NULL ? strlen(members) : 0;
	if (text == NULL) {
		jsonw_free(&w);
		httpd_reply_abort(rep);
		return;
	}
	httpd_reply_begin(
		rep, tg_error_status(code), all, "application/problem+json", n + extra + 1);
	httpd_reply_copy(rep, text, n);
	httpd_reply_copy(rep, members, extra);
	httpd_reply_copy(rep, "}", 1);
	jsonw_free(&w);
}
