/*
 * http_head.c: what the head of an answer may be: its size, its framing, its status, and whether
 * the content which follows is the one that was asked for. The server promises one form of answer
 * (docs/openapi.yaml), and the client accepts no other. No I/O. Runs in the library.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <timeglas/errors.h>
#include "core/num.h"
#include "lib/http_head.h"

#define VERSION "HTTP/1.1 "

static int refuse_head(struct http_conn *c, const char *what)
{
	return http_conn_fail(
		c, TG_EPROTO, "the server's answer is not one that this client accepts: %s", what);
}

/* Of a field that is there twice, two readers may each take another value. So those fields that
 * decide something may be there once. */
static int check_single(struct http_conn *c)
{
	static const char *const single[] = {"Content-Type", "Content-Range", "ETag", "Retry-After",
		"Timeglas-Kind", "Timeglas-Issuer", "Timeglas-Session", "Timeglas-Subject",
		"Timeglas-Stored-At"};

	for (size_t i = 0; i < sizeof single / sizeof single[0]; i++)
		if (http_conn_field_count(c, single[i]) > 1)
			return http_conn_fail(c, TG_EPROTO,
				"the server's answer has %s more than once", single[i]);
	return 0;
}

static int check_framing(struct http_conn *c, struct http_head *h)
{
	const char *length = http_conn_field(c, "Content-Length");

	if (http_conn_field_count(c, "Transfer-Encoding") > 0)
		return refuse_head(c,
			"it has a Transfer-Encoding, so that nobody knows its length beforehand");
	if (http_conn_field_count(c, "Content-Encoding") > 0)
		return refuse_head(c, "it has a Content-Encoding, and none was asked for");
	if (length == NULL || tg_num_u64(length, strlen(length), INT64_MAX, &h->length_bytes) != 0)
		return refuse_head(c,
			"it has no Content-Length, or more than one, so that nobody could tell "
			"whether it is whole");
	return check_single(c);
}

static bool has_media(struct http_conn *c, const char *type)
{
	const char *media = http_conn_field(c, "Content-Type");
	size_t n = media != NULL ? strcspn(media, "; \t") : 0;

	return n == strlen(type) && strncasecmp(media, type, n) == 0;
}

static int check_json(struct http_conn *c, const struct http_head *h)
{
	if (h->length_bytes > HTTP_JSON_MAX)
		return refuse_head(c, "it is larger than this client accepts");
	if (h->status < 300 && !has_media(c, "application/json"))
		return refuse_head(c, "it is not JSON");
	return 0;
}

static int check_proof(struct http_conn *c, const struct http_head *h)
{
	if (h->status != 200 && h->status != 202)
		return http_conn_fail(
			c, TG_EPROTO, "the server answered %ld, where 200 belongs", h->status);
	if (h->length_bytes > h->max_bytes)
		return refuse_head(c, "it is larger than a proof can be");
	if (!has_media(c, "text/plain"))
		return refuse_head(c, "it is not the text of a proof");
	return 0;
}

/* All parts of one blob have the same ETag; with another one they belong to another content. */
static int check_etag(struct http_conn *c, struct http_head *h)
{
	const char *etag = http_conn_field(c, "ETag");

	if (etag == NULL || etag[0] != '"' || strlen(etag) >= sizeof h->etag)
		return h->etag[0] == '\0' && h->from_bytes == 0 ?
			0 :
			refuse_head(c, "a part of the content has no ETag that the first one had");
	if (h->etag[0] != '\0' && strcmp(etag, h->etag) != 0)
		return refuse_head(c, "a part of the content has another ETag than the first one");
	snprintf(h->etag, sizeof h->etag, "%s", etag);
	return 0;
}

/* Bytes of another part would be noticed only when the seal is checked, which is too late to ask
 * again. */
static int check_content(struct http_conn *c, struct http_head *h)
{
	const char *range = http_conn_field(c, "Content-Range");
	char want[96];

	if (h->status != (h->from_bytes > 0 ? 206 : 200) || (h->from_bytes == 0 && range != NULL))
		return http_conn_fail(c, TG_EPROTO,
			"the server sent another part of the content than it was asked for");
	if (h->max_bytes != 0 && h->length_bytes > h->max_bytes)
		return http_conn_fail(c, TG_ETOOBIG,
			"the blob has %" PRIu64 " bytes, more than the %" PRIu64
			" that are accepted (max-size); nothing of it was read, and the "
			"buffer has no copy any more: a take consumes",
			h->length_bytes, h->max_bytes);
	if (h->size_bytes != 0 && h->length_bytes != h->size_bytes - h->from_bytes)
		return http_conn_fail(c, TG_EPROTO,
			"the server sends %" PRIu64 " bytes, where %" PRIu64 " of the %" PRIu64
			" that it had announced are missing",
			h->length_bytes, h->size_bytes - h->from_bytes, h->size_bytes);
	if (h->from_bytes > 0) {
		snprintf(want, sizeof want, "bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64, h->from_bytes,
			h->size_bytes - 1, h->size_bytes);
		if (range == NULL || strcmp(range, want) != 0)
			return http_conn_fail(c, TG_EPROTO,
				"the server sent another part of the content than it was asked "
				"for");
	}
	return check_etag(c, h);
}

/* A success in JSON has the one status that its call promises. */
static int check_success(struct http_conn *c, const struct http_head *h)
{
	long promised = h->want == HTTP_WANT_JSON ? 200 : 201;

	if (h->status == promised || (h->want == HTTP_WANT_CREATED_OR_EARLIER && h->status == 200))
		return 0;
	return http_conn_fail(
		c, TG_EPROTO, "the server answered %ld, where %ld belongs", h->status, promised);
}

static int check_head(struct http_conn *c, struct http_head *h)
{
	int err;

	if (h->status >= 300 && h->status < 400)
		return http_conn_fail(c, TG_EPROTO,
			"the server answered %ld; redirects are not followed", h->status);
	if (h->status > 599)
		return refuse_head(c, "its status is none of HTTP's");
	err = check_framing(c, h);
	if (err != 0)
		return err;
	if (h->status < 300 && h->want == HTTP_WANT_CONTENT)
		return check_content(c, h);
	if (h->status < 300 && h->want == HTTP_WANT_PROOF)
		return check_proof(c, h);
	err = check_json(c, h);
	return err == 0 && h->status < 300 ? check_success(c, h) : err;
}

static int status_line(struct http_conn *c, struct http_head *h, const char *line, size_t n)
{
	uint64_t status;

	if (n < strlen(VERSION) + 3 || memcmp(line, VERSION, strlen(VERSION)) != 0 ||
		tg_num_u64(line + strlen(VERSION), 3, 999, &status) != 0)
		return refuse_head(c, "it is not HTTP/1.1");
	h->status = (long)status;
	if (status >= 200)
		return 0;
	if (status != 100 || ++h->interim > HTTP_INTERIM_MAX)
		return refuse_head(c, "it has interim answers (1xx) that nobody asked for");
	return 0;
}

static int has_control(const char *line, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (((unsigned char)line[i] < 0x20 && line[i] != '\t') || line[i] == 0x7f)
			return 1;
	return 0;
}

void http_head_reset(struct http_head *h)
{
	h->status = 0;
	h->length_bytes = 0;
	h->bytes = 0;
	h->lines = h->interim = 0;
}

int http_head_line(struct http_conn *c, struct http_head *h, const char *line, size_t n)
{
	h->bytes += n;
	if (h->bytes > HTTP_HEAD_BYTES || ++h->lines > HTTP_HEAD_LINES)
		return refuse_head(c, "its head does not end");
	if (n < 2 || line[n - 2] != '\r' || line[n - 1] != '\n' || has_control(line, n - 2) ||
		line[0] == ' ' || line[0] == '\t')
		return refuse_head(c, "its head has control characters, or lines that are folded");
	if (n > 5 && memcmp(line, "HTTP/", 5) == 0)
		return status_line(c, h, line, n);
	if (n > 2 || h->status < 200)
		return 0;
	return check_head(c, h);
}
