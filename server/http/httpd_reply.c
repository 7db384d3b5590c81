/*
 * httpd_reply.c: answers: heads, streamed content, problem documents (RFC 9457). All of it goes
 * into the stream's output and leaves at the end of the loop's turn. Runs in workers.
 */
#include <stdio.h>
#include <string.h>

#include <timeglas/errors.h>

#include "base/jsonw.h"
#include "base/text.h"
#include "http/httpd_int.h"

#define HEAD_FIXED "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n"
#define CONTINUE "HTTP/1.1 100 Continue\r\n\r\n"
#define HEAD_MAX 1536u /* callers' fields among them */
#define RETRY_AFTER "Retry-After: 1\r\n"

const char *httpd_reason(int status)
{
	switch (status) {
	case 200:
		return "OK";
	case 201:
		return "Created";
	case 206:
		return "Partial Content";
	case 400:
		return "Bad Request";
	case 403:
		return "Forbidden";
	case 404:
		return "Not Found";
	case 405:
		return "Method Not Allowed";
	case 408:
		return "Request Timeout";
	case 409:
		return "Conflict";
	case 410:
		return "Gone";
	case 413:
		return "Content Too Large";
	case 414:
		return "URI Too Long";
	case 415:
		return "Unsupported Media Type";
	case 416:
		return "Range Not Satisfiable";
	case 417:
		return "Expectation Failed";
	case 421:
		return "Misdirected Request";
	case 422:
		return "Unprocessable Content";
	case 429:
		return "Too Many Requests";
	case 431:
		return "Request Header Fields Too Large";
	case 500:
		return "Internal Server Error";
	case 501:
		return "Not Implemented";
	case 503:
		return "Service Unavailable";
	case 505:
		return "HTTP Version Not Supported";
	case 507:
		return "Insufficient Storage";
	default:
		return "";
	}
}

void httpd_req_continue(struct httpd_req *r)
{
	if (!r->continue_due || r->status != 0 || r->conn->dead)
		return;
	r->continue_due = false;
	evbuffer_add(stream_out(r->conn->stream), CONTINUE, sizeof CONTINUE - 1);
	stream_flush_later(r->conn->stream);
}

static void given(struct httpd_req *r, size_t n)
{
	r->reply_left -= n;
	r->out_bytes += n;
	if (r->reply_left == 0)
		r->replied = true;
	if (r->replied && r->hold)
		stream_set_out_low(r->conn->stream, 0);
	stream_flush_later(r->conn->stream);
	conn_schedule(r->conn);
}

void httpd_reply_begin(
	struct httpd_req *r, int status, const char *fields, const char *type, uint64_t length)
{
	char head[HEAD_MAX];
	if (r->status != 0 || r->conn->dead)
		return;
	r->status = status;
	/* Content that was not awaited would be read as the next request: only closing is safe. */
	if (!r->content_done || r->conn->httpd->draining)
		r->close = true;
	struct text t = text_in(head, sizeof head);
	text_add(&t, "HTTP/1.1 ");
	text_num(&t, status);
	text_join(&t, " ", httpd_reason(status), "\r\n");
	if (type != NULL)
		text_join(&t, "Content-Type: ", type, "\r\n");
	text_add(&t, "Content-Length: ");
	text_num(&t, (int64_t)length);
	text_join(&t, "\r\nRequest-Id: ", r->id, "\r\n", fields != NULL ? fields : "", HEAD_FIXED,
		r->close ? "Connection: close\r\n" : "", "\r\n");
	if (t.at == t.end || evbuffer_add(stream_out(r->conn->stream), head, text_len(&t)) != 0)
		conn_kill(r->conn); /* nobody can frame half a head */
	r->reply_left = r->head.method == H1_HEAD ? 0 : length;
	given(r, 0);
}

void httpd_reply(struct httpd_req *r, int status, const char *fields, const char *type,
	const void *body, size_t n)
{
	if (r->status != 0 || r->conn->dead)
		return;
	httpd_reply_begin(r, status, fields, type, n);
	if (r->reply_left > 0) {
		if (evbuffer_add(stream_out(r->conn->stream), body, n) != 0)
			conn_kill(r->conn);
		given(r, n);
	}
}

void httpd_reply_data(struct httpd_req *r, struct evbuffer *data)
{
	size_t n = evbuffer_get_length(data);
	const bool head = r->status != 0 && r->head.method == H1_HEAD;
	if (r->conn->dead || head || n > r->reply_left) {
		if (!head && n > 0)
			/* more than was announced can only be our own mistake */
			httpd_reply_abort(r);
		evbuffer_drain(data, n);
		return;
	}
	if (n == 0)
		return;
	if (evbuffer_add_buffer(stream_out(r->conn->stream), data) != 0)
		conn_kill(r->conn);
	given(r, n);
}

size_t httpd_reply_room(const struct httpd_req *r)
{
	size_t used = stream_unsent(r->conn->stream),
	       window = r->conn->httpd->limits.reply_window_bytes;
	if (used < window)
		return window - used;
	return 0;
}

void httpd_reply_abort(struct httpd_req *r)
{
	conn_kill(r->conn);
}

void httpd_problem(
	struct httpd_req *r, int code, const char *detail, const char *fields, const char *members)
{
	struct jsonw w = {0};
	char type[64], all[sizeof RETRY_AFTER + HTTPD_FIELDS_MAX];
	size_t n = 0;
	if (r->status != 0 || r->conn->dead)
		return;
	r->slug = tg_error_slug(code);
	snprintf(type, sizeof type, "/problems/%s", r->slug);
	/* Half a line would swallow the next one: better no answer. */
	if (snprintf(all, sizeof all, "%s%s", tg_error_retryable(code) ? RETRY_AFTER : "",
		    fields != NULL ? fields : "") >= (int)sizeof all) {
		httpd_reply_abort(r);
		return;
	}
	jsonw_open(&w, NULL, '{');
	jsonw_str(&w, "type", type);
	jsonw_str(&w, "title", tg_strerror(code));
	jsonw_u64(&w, "status", (uint64_t)tg_error_status(code));
	jsonw_str(&w, "detail", detail);
	jsonw_str(&w, "request", r->id);
	const char *text = jsonw_text(&w, &n);
	const size_t extra = members != NULL ? strlen(members) : 0;
	if (text == NULL) {
		jsonw_free(&w);
		httpd_reply_abort(r);
		return;
	}
	httpd_reply_begin(r, tg_error_status(code), all, "application/problem+json", n + extra + 1);
	if (r->reply_left > 0) {
		struct evbuffer *out = stream_out(r->conn->stream);
		if (evbuffer_add(out, text, n) != 0 ||
			(extra > 0 && evbuffer_add(out, members, extra) != 0) ||
			evbuffer_add(out, "}", 1) != 0)
			conn_kill(r->conn);
		given(r, n + extra + 1);
	}
	jsonw_free(&w);
}
