/*
 * http_head.c: what the head of an answer may be: its size, its framing, its status, and that the
 * content which follows is what was asked for. A server that is strict about its own answers
 * (docs/openapi.yaml) gives no reason to be lenient here. No I/O. Runs in whatever process uses the
 * library.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include "core/num.h"
#include "lib/http_head.h"

#define VERSION "HTTP/1.1 "

static int bad(struct tg_client *c, const char *what)
{
	return http_fail(
		c, TG_EPROTO, "the server's answer is not one that this client accepts: %s", what);
}

size_t http_field_count(const struct tg_client *c, const char *name)
{
	struct curl_header *f;

	return curl_easy_header(c->curl, name, 0, CURLH_HEADER, -1, &f) == CURLHE_OK ? f->amount :
										       0;
}

const char *http_field(const struct tg_client *c, const char *name)
{
	struct curl_header *f;

	if (curl_easy_header(c->curl, name, 0, CURLH_HEADER, -1, &f) != CURLHE_OK || f->amount != 1)
		return NULL;
	return f->value;
}

/* Fields that decide something: given twice, each reader would take another one. */
static int check_single(struct tg_client *c)
{
	static const char *const single[] = {"Content-Type", "Content-Range", "ETag", "Retry-After",
		"Timeglas-Kind", "Timeglas-Issuer", "Timeglas-Session", "Timeglas-Subject",
		"Timeglas-Stored-At"};

	for (size_t i = 0; i < sizeof single / sizeof single[0]; i++)
		if (http_field_count(c, single[i]) > 1)
			return http_fail(c, TG_EPROTO, "the server's answer has %s more than once",
				single[i]);
	return 0;
}

static int check_framing(struct tg_client *c, struct http_call *call)
{
	const char *length = http_field(c, "Content-Length");

	if (http_field_count(c, "Transfer-Encoding") > 0)
		return bad(c,
			"it has a Transfer-Encoding, so that nobody knows its length beforehand");
	if (http_field_count(c, "Content-Encoding") > 0)
		return bad(c, "it has a Content-Encoding, and none was asked for");
	if (length == NULL || tg_num_u64(length, strlen(length), INT64_MAX, &call->length) != 0)
		return bad(c,
			"it has no Content-Length, or more than one, so that nobody could tell "
			"whether it is whole");
	return check_single(c);
}

static int check_json(struct tg_client *c, const struct http_call *call, long status)
{
	static const char json[] = "application/json";
	const char *media = http_field(c, "Content-Type");
	size_t n = media != NULL ? strcspn(media, "; \t") : 0;

	if (call->length > HTTP_JSON_MAX)
		return bad(c, "it is larger than any answer should be");
	if (status < 300 && (n != strlen(json) || strncasecmp(media, json, n) != 0))
		return bad(c, "it is not JSON");
	return 0;
}

/* The parts of one blob have one ETag: otherwise the second would be of another content. */
static int check_etag(struct tg_client *c, struct http_call *call)
{
	const char *etag = http_field(c, "ETag");

	if (etag == NULL || etag[0] != '"' || strlen(etag) >= sizeof call->etag)
		return call->etag[0] == '\0' && call->from == 0 ?
			0 :
			bad(c, "a part of the content has no ETag that the first one had");
	if (call->etag[0] != '\0' && strcmp(etag, call->etag) != 0)
		return bad(c, "a part of the content has another ETag than the first one");
	snprintf(call->etag, sizeof call->etag, "%s", etag);
	return 0;
}

/* A part is good only where it was asked for: bytes in the wrong place would be found by the seal
 * alone, and too late to ask again. */
static int check_content(struct tg_client *c, struct http_call *call, long status)
{
	const char *range = http_field(c, "Content-Range");
	char want[96];

	if (status != (call->from > 0 ? 206 : 200) || (call->from == 0 && range != NULL))
		return http_fail(c, TG_EPROTO,
			"the server sent another part of the content than it was asked for");
	if (call->max_size != 0 && call->length > call->max_size)
		return http_fail(c, TG_ETOOBIG,
			"the blob has %" PRIu64 " bytes, more than the %" PRIu64
			" that are accepted (max-size); nothing of it was read, and the "
			"buffer has no copy any more: a take consumes",
			call->length, call->max_size);
	if (call->size != 0 && call->length != call->size - call->from)
		return http_fail(c, TG_EPROTO,
			"the server sends %" PRIu64 " bytes, where %" PRIu64 " of the %" PRIu64
			" that it had announced are missing",
			call->length, call->size - call->from, call->size);
	if (call->from > 0) {
		snprintf(want, sizeof want, "bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64, call->from,
			call->size - 1, call->size);
		if (range == NULL || strcmp(range, want) != 0)
			return http_fail(c, TG_EPROTO,
				"the server sent another part of the content than it was asked "
				"for");
	}
	return check_etag(c, call);
}

static int check_head(struct tg_client *c, struct http_call *call)
{
	long status = call->head.status;
	int err;

	if (status >= 300 && status < 400)
		return http_fail(c, TG_EPROTO,
			"the server answered %ld; redirects are not followed", status);
	if (status > 599)
		return bad(c, "its status is none of HTTP's");
	err = check_framing(c, call);
	if (err != 0)
		return err;
	if (status >= 300 || call->write == NULL)
		err = check_json(c, call, status);
	else
		err = check_content(c, call, status);
	if (err == 0 && status < 300 && call->write == NULL &&
		status != (call->created ? 201 : 200) && !(call->repeatable && status == 200))
		err = http_fail(c, TG_EPROTO, "the server answered %ld, where %d belongs", status,
			call->created ? 201 : 200);
	return err;
}

static int status_line(struct tg_client *c, struct http_call *call, const char *line, size_t n)
{
	struct http_head *h = &call->head;
	uint64_t status;

	if (n < strlen(VERSION) + 3 || memcmp(line, VERSION, strlen(VERSION)) != 0 ||
		tg_num_u64(line + strlen(VERSION), 3, 999, &status) != 0)
		return bad(c, "it is not HTTP/1.1");
	h->status = (long)status;
	if (status >= 200)
		return 0;
	if (status != 100 || ++h->interim > HTTP_INTERIM_MAX)
		return bad(c, "it has interim answers (1xx) that nobody asked for");
	return 0;
}

static int has_control(const char *line, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (((unsigned char)line[i] < 0x20 && line[i] != '\t') || line[i] == 0x7f)
			return 1;
	return 0;
}

int http_head_line(struct tg_client *c, struct http_call *call, const char *line, size_t n)
{
	struct http_head *h = &call->head;

	h->bytes += n;
	if (h->bytes > HTTP_HEAD_BYTES || ++h->lines > HTTP_HEAD_LINES)
		return bad(c, "its head does not end");
	if (n < 2 || line[n - 2] != '\r' || line[n - 1] != '\n' || has_control(line, n - 2) ||
		line[0] == ' ' || line[0] == '\t')
		return bad(c, "its head has control characters, or lines that are folded");
	if (n > 5 && memcmp(line, "HTTP/", 5) == 0)
		return status_line(c, call, line, n);
	if (n > 2 || h->status < 200)
		return 0;
	return check_head(c, call);
}
