/*
 * http.c: one transfer over the client's connection (libcurl; HTTP/1.1 over TLS 1.3 with a client
 * certificate). It knows no call of the API and reads no JSON; it follows no redirect, uses no
 * proxy and trusts no authority but the one given. Runs in the library.
 */
#include <inttypes.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <timeglas/timeglas.h>
#include "lib/clock.h"
#include "lib/http.h"
#include "lib/http_tls.h"

/* sending less than this costs less than waiting for 100 Continue */
#define EXPECT_FROM_BYTES (64u * 1024u)
#define EXPECT_TIMEOUT_MS 1000L
#define PATH_MAX_CHARS 256u
#define RANGE_CHARS 32

struct transfer {
	struct http_conn *c;
	struct http_call *call;
	uint64_t upload_left_bytes; /* UINT64_MAX: not known */
	curl_off_t moved_bytes;     /* both ways, at the last look */
	int64_t moved_mono_ms;      /* when a byte moved last */
	int64_t sent_mono_ms;       /* when the upload's source ended; 0: it has not */
	int abort_code;             /* why a callback of ours ended the transfer; 0: none did */
};

static bool wants_content(const struct http_call *call)
{
	return call->head.want == HTTP_WANT_CONTENT;
}

static int abort_with(struct transfer *t, int code, const char *why)
{
	t->abort_code = code;
	return http_conn_fail(t->c, code, "%s", why);
}

/* Gives libcurl content to send. A source that ends before the declared length, or goes on behind
 * it, must not look like a whole upload. */
static size_t on_read(char *p, size_t size, size_t n, void *ctx)
{
	struct transfer *t = ctx;
	const struct http_upload *o = t->call->upload;
	size_t cap = size * n;
	long got;

	if (t->upload_left_bytes == 0 || cap == 0)
		return 0;
	if (cap > t->upload_left_bytes)
		cap = (size_t)t->upload_left_bytes;
	got = o->read(o->ctx, p, cap);
	t->moved_mono_ms = clock_mono_ms(); /* a slow source is not a stalled server */
	if (got < 0) {
		abort_with(t, (int)got, tg_strerror((int)got));
		return CURL_READFUNC_ABORT;
	}
	if (t->upload_left_bytes != UINT64_MAX) {
		if (got == 0) {
			abort_with(t, TG_EIO, "the content ended before its declared length");
			return CURL_READFUNC_ABORT;
		}
		t->upload_left_bytes -= (uint64_t)got;
	}
	t->call->sent_bytes += (uint64_t)got;
	if (got == 0 || t->upload_left_bytes == 0)
		t->sent_mono_ms = t->moved_mono_ms;
	return (size_t)got;
}

static int collect(struct transfer *t, const char *p, size_t n)
{
	struct http_conn *c = t->c;
	char *grown;

	if (n > HTTP_JSON_MAX - c->json_bytes)
		return abort_with(
			t, TG_EPROTO, "the server's answer is larger than this client accepts");
	grown = realloc(c->json, c->json_bytes + n + 1);
	if (grown == NULL)
		return abort_with(t, TG_ENOMEM, tg_strerror(TG_ENOMEM));
	memcpy(grown + c->json_bytes, p, n);
	c->json = grown;
	c->json_bytes += n;
	c->json[c->json_bytes] = '\0';
	return 0;
}

static size_t on_header(char *p, size_t size, size_t n, void *ctx)
{
	struct transfer *t = ctx;
	int err = http_head_line(t->c, &t->call->head, p, size * n);

	if (err != 0)
		t->abort_code = err;
	return err == 0 ? size * n : 0;
}

static size_t on_write(char *p, size_t size, size_t n, void *ctx)
{
	struct transfer *t = ctx;
	struct http_call *call = t->call;
	size_t len = size * n;
	int err;

	if (!wants_content(call) || call->head.status < 200 || call->head.status > 299)
		return collect(t, p, len) == 0 ? len : 0;
	if (len == 0)
		return 0;
	if (len > call->head.length_bytes - call->received_bytes) {
		abort_with(t, TG_EPROTO, "the server sent more than it had announced");
		return 0;
	}
	err = call->write(call->write_ctx, p, len);
	if (err != 0) {
		abort_with(t, err, tg_strerror(err));
		return 0;
	}
	call->received_bytes += len;
	return len;
}

/* libcurl calls this about once a second, also when nothing moves. So the time limits are checked
 * here. */
static int on_progress(
	void *ctx, curl_off_t down_total, curl_off_t down, curl_off_t up_total, curl_off_t up)
{
	struct transfer *t = ctx;
	struct http_conn *c = t->c;
	int64_t now = clock_mono_ms();
	curl_off_t total = t->call->upload != NULL ? up_total : down_total;

	if (down + up != t->moved_bytes) {
		t->moved_bytes = down + up;
		t->moved_mono_ms = now;
	} else if (now - t->moved_mono_ms > c->stall_timeout_ms) {
		abort_with(
			t, TG_ENET, "the transfer stalled: not a byte moved within the time limit");
		return 1;
	}
	if (t->sent_mono_ms != 0 && now - t->sent_mono_ms > c->answer_timeout_ms) {
		abort_with(t, TG_ENET,
			"the upload is sent, but the server did not answer it within the time "
			"limit");
		return 1;
	}
	if (c->progress != NULL &&
		c->progress(c->progress_ctx, (uint64_t)up, (uint64_t)down, (uint64_t)total) != 0) {
		abort_with(t, TG_ECANCELED, tg_strerror(TG_ECANCELED));
		return 1;
	}
	return 0;
}

/*
 * Makes SSL_read() return after every TLS record. Otherwise OpenSSL stays inside it for as long as
 * the server sends records without content (key updates, tickets), and no time limit is checked.
 */
static CURLcode on_ssl(CURL *curl, void *ssl_ctx, void *ctx)
{
	(void)curl, (void)ctx;
	SSL_CTX_clear_mode(ssl_ctx, SSL_MODE_AUTO_RETRY);
	return CURLE_OK;
}

static int set_security(struct http_conn *c)
{
	CURL *h = c->curl;
	CURLcode rc = CURLE_OK;

#define SET(option, value) \
	if (rc == CURLE_OK) \
	rc = curl_easy_setopt(h, option, value)
	SET(CURLOPT_PROTOCOLS_STR, "https");
	SET(CURLOPT_HTTP09_ALLOWED, 0L);
	SET(CURLOPT_FOLLOWLOCATION, 0L);
	SET(CURLOPT_PROXY, "");
	SET(CURLOPT_NOPROXY, "*");
	SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_3);
	SET(CURLOPT_SSL_VERIFYPEER, 1L);
	SET(CURLOPT_SSL_VERIFYHOST, 2L);
	SET(CURLOPT_SSL_SESSIONID_CACHE, 0L);
	SET(CURLOPT_SSL_CTX_FUNCTION, on_ssl);
	SET(CURLOPT_CAINFO, c->ca);
	SET(CURLOPT_CAPATH, NULL); /* no authority of the system's is trusted */
	SET(CURLOPT_SSLCERT, c->cert);
	SET(CURLOPT_SSLKEY, c->key);
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_CONNECTTIMEOUT_MS, c->connect_timeout_ms);
	SET(CURLOPT_EXPECT_100_TIMEOUT_MS, EXPECT_TIMEOUT_MS);
	SET(CURLOPT_HTTP_CONTENT_DECODING, 0L);
	SET(CURLOPT_ERRORBUFFER, c->curl_error);
	SET(CURLOPT_USERAGENT, "timeglas/" TG_VERSION);
	SET(CURLOPT_NOPROGRESS, 0L);
	SET(CURLOPT_XFERINFOFUNCTION, on_progress);
	SET(CURLOPT_HEADERFUNCTION, on_header);
	SET(CURLOPT_WRITEFUNCTION, on_write);
	SET(CURLOPT_READFUNCTION, on_read);
	return rc == CURLE_OK ?
		0 :
		http_conn_fail(c, TG_EINTERNAL, "libcurl: %s", curl_easy_strerror(rc));
}

/* What the request carries. *own: its header fields, which the caller frees. */
static int set_content(struct http_conn *c, const struct http_call *call, struct curl_slist **own)
{
	CURL *h = c->curl;
	const struct http_upload *up = call->upload;
	const char *expect = "Expect:";
	struct curl_slist *l = NULL;

	if (up != NULL) {
		curl_easy_setopt(h, CURLOPT_POST, 1L);
		if (up->size_bytes == UINT64_MAX || up->size_bytes >= EXPECT_FROM_BYTES)
			expect = "Expect: 100-continue";
		if (up->size_bytes != UINT64_MAX)
			curl_easy_setopt(
				h, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)up->size_bytes);
		else
			l = curl_slist_append(l, "Transfer-Encoding: chunked");
	} else if (strcmp(call->method, "POST") == 0) {
		curl_easy_setopt(h, CURLOPT_POST, 1L);
		curl_easy_setopt(h, CURLOPT_POSTFIELDSIZE_LARGE,
			(curl_off_t)(call->body != NULL ? strlen(call->body) : 0));
		curl_easy_setopt(h, CURLOPT_POSTFIELDS, call->body != NULL ? call->body : "");
	} else {
		curl_easy_setopt(h, CURLOPT_HTTPGET, 1L);
		if (strcmp(call->method, "GET") != 0)
			curl_easy_setopt(h, CURLOPT_CUSTOMREQUEST, call->method);
	}
	l = curl_slist_append(l, expect);
	l = curl_slist_append(l,
		up != NULL                 ? "Content-Type: application/octet-stream" :
			call->body != NULL ? "Content-Type: application/json" :
					     "Content-Type:");
	for (const struct curl_slist *f = call->fields; f != NULL; f = f->next)
		l = curl_slist_append(l, f->data);
	*own = l;
	return l != NULL ? 0 : http_conn_fail(c, TG_ENOMEM, "%s", tg_strerror(TG_ENOMEM));
}

static int request_sent(const struct http_conn *c)
{
	long sent = 0;

	return curl_easy_getinfo(c->curl, CURLINFO_REQUEST_SIZE, &sent) == CURLE_OK && sent > 0;
}

static int transport_error(struct http_conn *c, CURLcode rc)
{
	const char *what = c->curl_error[0] != '\0' ? c->curl_error : curl_easy_strerror(rc);
	int err = http_tls_fail(c, rc);

	if (err != 0)
		return err;
	switch (rc) {
	/* also libcurl 7.88's code for a line of a head that is longer than 100 KiB */
	case CURLE_OUT_OF_MEMORY:
		if (request_sent(c))
			return http_conn_fail(c, TG_EPROTO,
				"a line in the head of the server's answer does not end (or memory "
				"ran out)");
		return http_conn_fail(c, TG_ENOMEM, "%s", tg_strerror(TG_ENOMEM));
	case CURLE_URL_MALFORMAT:
		return http_conn_fail(c, TG_EINVAL, "%s", what);
	/* What came is not HTTP/1. The address has been checked before. */
	case CURLE_UNSUPPORTED_PROTOCOL:
	case CURLE_WEIRD_SERVER_REPLY:
	case CURLE_BAD_CONTENT_ENCODING:
		return http_conn_fail(c, TG_EPROTO, "%s", what);
	case CURLE_RECV_ERROR:
	case CURLE_SEND_ERROR:
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_GOT_NOTHING:
		return http_tls_fail_broken(c);
	case CURLE_OPERATION_TIMEDOUT:
		if (request_sent(c))
			return http_conn_fail(c, TG_ENET,
				"not finished in time: the time limit of the call is over, or the "
				"lease has ended");
		return http_conn_fail(c, TG_ENET, "%s", what);
	case CURLE_PARTIAL_FILE:
		return http_conn_fail(c, TG_ENET, "the answer was broken off: %s", what);
	default:
		return http_conn_fail(c, TG_ENET, "%s", what);
	}
}

/* The server may refuse an upload early and then reset the connection while we are still sending.
 * The answer counts if all of it has come. */
static int answer_whole(const struct http_conn *c, const struct http_call *call)
{
	const char *length = http_conn_field(c, "Content-Length");

	if (call->head.status < 200 || (wants_content(call) && call->head.status < 300) ||
		length == NULL)
		return 0;
	return c->json_bytes > 0 && strtoull(length, NULL, 10) == c->json_bytes;
}

static int judge(struct transfer *t, CURLcode rc)
{
	if (t->abort_code != 0)
		return t->abort_code;
	if (rc != CURLE_OK && !answer_whole(t->c, t->call))
		return transport_error(t->c, rc);
	if (t->call->head.status < 200)
		return http_conn_fail(t->c, TG_EPROTO, "the server gave no answer");
	return 0;
}

static void forget_last(struct http_conn *c, struct http_call *call)
{
	c->error[0] = c->curl_error[0] = '\0';
	c->json_bytes = 0;
	if (c->json != NULL)
		c->json[0] = '\0';
	c->request_sent = 0;
	call->received_bytes = call->sent_bytes = 0;
	http_head_reset(&call->head);
}

static void set_target(struct http_conn *c, const struct http_call *call)
{
	char url[HTTP_CONN_URL_MAX + PATH_MAX_CHARS], range[RANGE_CHARS];
	int64_t left_ms = call->until_mono_ms - clock_mono_ms();

	snprintf(url, sizeof url, "%s%s", c->url, call->path);
	curl_easy_setopt(c->curl, CURLOPT_URL, url);
	if (wants_content(call) && call->head.from_bytes > 0) {
		snprintf(range, sizeof range, "%" PRIu64 "-", call->head.from_bytes);
		curl_easy_setopt(c->curl, CURLOPT_RANGE, range);
	}
	/* libcurl repeats a request whose idle connection died. A request that consumes the blob
	 * must never be sent twice. */
	curl_easy_setopt(c->curl, CURLOPT_FRESH_CONNECT,
		wants_content(call) && strcmp(call->method, "POST") == 0 ? 1L : 0L);
	curl_easy_setopt(c->curl, CURLOPT_TIMEOUT_MS, (long)(left_ms > 0 ? left_ms : 1));
}

static int transfer(struct transfer *t)
{
	struct http_conn *c = t->c;
	CURLcode rc;

	curl_easy_setopt(c->curl, CURLOPT_XFERINFODATA, t);
	curl_easy_setopt(c->curl, CURLOPT_HEADERDATA, t);
	curl_easy_setopt(c->curl, CURLOPT_WRITEDATA, t);
	curl_easy_setopt(c->curl, CURLOPT_READDATA, t);
	t->moved_mono_ms = clock_mono_ms();
	rc = curl_easy_perform(c->curl);
	c->request_sent = request_sent(c);
	return judge(t, rc);
}

int http_perform(struct http_conn *c, struct http_call *call)
{
	struct transfer t = {.c = c,
		.call = call,
		.upload_left_bytes = call->upload != NULL ? call->upload->size_bytes : 0};
	struct curl_slist *fields = NULL;
	int err;

	if (c->curl == NULL) /* the caller did not heed the error of tg_client_new() */
		return TG_EINVAL;
	forget_last(c, call);
	if (call->until_mono_ms <= clock_mono_ms())
		return http_conn_fail(c, TG_ENET,
			"not finished in time: the time limit of the call is over, or the lease "
			"has ended");

	curl_easy_reset(c->curl); /* keeps the connection open */
	err = set_security(c);
	if (err == 0)
		err = set_content(c, call, &fields);
	if (err == 0) {
		curl_easy_setopt(c->curl, CURLOPT_HTTPHEADER, fields);
		set_target(c, call);
		err = transfer(&t);
		curl_easy_setopt(c->curl, CURLOPT_HTTPHEADER, NULL);
	}
	curl_slist_free_all(fields);
	return err;
}
