/*
 * http.c: the client's connection and one transfer over it (libcurl; HTTP/1.1 over TLS 1.3 with a
 * client certificate). It knows no call of the API and no JSON; it follows no redirect, uses no
 * proxy and trusts no authority but the one given. Runs in whatever process uses the library.
 * docs/openapi.yaml.
 */
#include <openssl/ssl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "lib/abi.h"
#include "lib/http.h"
#include "lib/http_head.h"
#include "lib/http_tls.h"

#define CONNECT_TIMEOUT_MS 10000L
#define STALL_TIMEOUT_MS 30000L
/* below, sending costs less than waiting for 100 Continue */
#define EXPECT_FROM_BYTES (64u * 1024u)
#define EXPECT_TIMEOUT_MS 1000L
#define URL_MAX 512u

struct transfer {
	struct tg_client *c;
	struct http_call *call;
	uint64_t upload_left; /* UINT64_MAX: unknown */
	curl_off_t moved;     /* bytes both ways at the last look */
	int64_t moved_at_ms;
	int64_t sent_at_ms; /* the upload's source has ended; 0: not yet */
	int abort_code;     /* why a callback of ours ended the transfer */
};

int64_t http_mono_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int http_fail(struct tg_client *c, int code, const char *fmt, ...)
{
	char text[sizeof c->error];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	/* of certificates, and of libcurl, which quotes the server */
	http_copy_text(c->error, sizeof c->error, text);
	return code;
}

int64_t http_until(const struct tg_client *c, int64_t own_ms)
{
	return http_mono_ms() + (c->timeout_ms > 0 ? c->timeout_ms : own_ms);
}

static int abort_with(struct transfer *t, int code, const char *why)
{
	t->abort_code = code;
	return http_fail(t->c, code, "%s", why);
}

/* Content up. The declared length is a promise: a source that ends early or runs over must not look
 * like a whole upload. */
static size_t on_read(char *p, size_t size, size_t n, void *ctx)
{
	struct transfer *t = ctx;
	const tg_put_opts *o = t->call->upload;
	size_t cap = size * n;
	long got;

	if (t->upload_left == 0 || cap == 0)
		return 0;
	if (cap > t->upload_left)
		cap = (size_t)t->upload_left;
	got = o->read(o->ctx, p, cap);
	t->moved_at_ms = http_mono_ms(); /* a slow source is not a stalled server */
	if (got < 0) {
		abort_with(t, (int)got, tg_strerror((int)got));
		return CURL_READFUNC_ABORT;
	}
	if (t->upload_left != UINT64_MAX) {
		if (got == 0) {
			abort_with(t, TG_EIO, "the content ended before its declared length");
			return CURL_READFUNC_ABORT;
		}
		t->upload_left -= (uint64_t)got;
	}
	t->call->sent += (uint64_t)got;
	if (got == 0 || t->upload_left == 0)
		t->sent_at_ms = t->moved_at_ms;
	return (size_t)got;
}

static int collect(struct transfer *t, const char *p, size_t n)
{
	struct tg_client *c = t->c;
	char *grown;

	if (n > HTTP_JSON_MAX - c->json_len)
		return abort_with(
			t, TG_EPROTO, "the server's answer is larger than any answer should be");
	grown = realloc(c->json, c->json_len + n + 1);
	if (grown == NULL)
		return abort_with(t, TG_ENOMEM, tg_strerror(TG_ENOMEM));
	memcpy(grown + c->json_len, p, n);
	c->json = grown;
	c->json_len += n;
	c->json[c->json_len] = '\0';
	return 0;
}

static size_t on_header(char *p, size_t size, size_t n, void *ctx)
{
	struct transfer *t = ctx;
	int err = http_head_line(t->c, t->call, p, size * n);

	if (err != 0)
		t->abort_code = err;
	return err == 0 ? size * n : 0;
}

static size_t on_write(char *p, size_t size, size_t n, void *ctx)
{
	struct transfer *t = ctx;
	size_t len = size * n;
	long status = 0;
	int err;

	curl_easy_getinfo(t->c->curl, CURLINFO_RESPONSE_CODE, &status);
	if (t->call->write == NULL || status < 200 || status > 299)
		return collect(t, p, len) == 0 ? len : 0;
	if (len == 0)
		return 0;
	if (len > t->call->length - t->call->received) {
		abort_with(t, TG_EPROTO, "the server sent more than it had announced");
		return 0;
	}
	err = t->call->write(t->call->write_ctx, p, len);
	if (err != 0) {
		abort_with(t, err, tg_strerror(err));
		return 0;
	}
	t->call->received += len;
	return len;
}

/* libcurl calls this about once a second even when nothing moves, so it is also the stall clock. */
static int on_progress(
	void *ctx, curl_off_t down_total, curl_off_t down, curl_off_t up_total, curl_off_t up)
{
	struct transfer *t = ctx;
	struct tg_client *c = t->c;
	int64_t now = http_mono_ms();
	curl_off_t total = t->call->upload != NULL ? up_total : down_total;

	if (down + up != t->moved) {
		t->moved = down + up;
		t->moved_at_ms = now;
	} else if (now - t->moved_at_ms > c->stall_timeout_ms) {
		abort_with(
			t, TG_ENET, "the transfer stalled: not a byte moved within the time limit");
		return 1;
	}
	if (t->sent_at_ms != 0 &&
		now - t->sent_at_ms > (c->timeout_ms > 0 ? c->timeout_ms : HTTP_CALL_MS)) {
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
 * OpenSSL goes on inside SSL_read() for as long as records come that are not content (key updates,
 * tickets): then no clock of ours would be looked at. So it returns after each.
 */
static CURLcode on_ssl(CURL *curl, void *ssl_ctx, void *ctx)
{
	(void)curl, (void)ctx;
	SSL_CTX_clear_mode(ssl_ctx, SSL_MODE_AUTO_RETRY);
	return CURLE_OK;
}

static int set_security(struct tg_client *c)
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
	SET(CURLOPT_CAPATH, NULL); /* the system's authorities are not ours */
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
	return rc == CURLE_OK ? 0 :
				http_fail(c, TG_EINTERNAL, "libcurl: %s", curl_easy_strerror(rc));
}

static int set_content(struct tg_client *c, const struct http_call *call, struct curl_slist **own)
{
	CURL *h = c->curl;
	const tg_put_opts *up = call->upload;
	const char *expect = "Expect:";
	struct curl_slist *l = NULL;

	if (up != NULL) {
		curl_easy_setopt(h, CURLOPT_POST, 1L);
		if (up->size == UINT64_MAX || up->size >= EXPECT_FROM_BYTES)
			expect = "Expect: 100-continue";
		if (up->size != UINT64_MAX)
			curl_easy_setopt(h, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)up->size);
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
	return l != NULL ? 0 : http_fail(c, TG_ENOMEM, "%s", tg_strerror(TG_ENOMEM));
}

static int begun(const struct tg_client *c)
{
	long sent = 0;

	return curl_easy_getinfo(c->curl, CURLINFO_REQUEST_SIZE, &sent) == CURLE_OK && sent > 0;
}

static int transport_error(struct tg_client *c, CURLcode rc)
{
	const char *what = c->curl_error[0] != '\0' ? c->curl_error : curl_easy_strerror(rc);
	int err = http_tls_error(c, rc);

	if (err != 0)
		return err;
	switch (rc) {
	/* libcurl 7.88 calls a line of a head that is longer than 100 KiB so, too */
	case CURLE_OUT_OF_MEMORY:
		if (begun(c))
			return http_fail(c, TG_EPROTO,
				"a line in the head of the server's answer does not end (or memory "
				"ran out)");
		return http_fail(c, TG_ENOMEM, "%s", tg_strerror(TG_ENOMEM));
	case CURLE_URL_MALFORMAT:
		return http_fail(c, TG_EINVAL, "%s", what);
	/* what came is no HTTP/1; the address was checked before */
	case CURLE_UNSUPPORTED_PROTOCOL:
	case CURLE_WEIRD_SERVER_REPLY:
	case CURLE_BAD_CONTENT_ENCODING:
		return http_fail(c, TG_EPROTO, "%s", what);
	case CURLE_RECV_ERROR:
	case CURLE_SEND_ERROR:
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_GOT_NOTHING:
		return http_broken_error(c);
	case CURLE_OPERATION_TIMEDOUT:
		if (begun(c))
			return http_fail(c, TG_ENET,
				"not done within the time limit (of the call, or the lease's end)");
		return http_fail(c, TG_ENET, "%s", what);
	case CURLE_PARTIAL_FILE:
		return http_fail(c, TG_ENET, "the answer was broken off: %s", what);
	default:
		return http_fail(c, TG_ENET, "%s", what);
	}
}

/* A refusal sent early may be followed by a reset while we still send: what counts is whether the
 * answer is whole. */
static int answer_whole(const struct tg_client *c, const struct transfer *t, long status)
{
	const char *length = http_field(c, "Content-Length");

	if (status < 200 || (t->call->write != NULL && status < 300) || length == NULL)
		return 0;
	return c->json_len > 0 && strtoull(length, NULL, 10) == c->json_len;
}

/* Also as a sentence, for programs that do not want to take a refusal apart. */
static int refused(struct tg_client *c, long status)
{
	const tg_problem *p = &c->problem;
	int err = http_read_problem(c, status);

	return http_fail(c, err, "refused (%ld): %s%s%s", status, p->title,
		p->detail[0] != '\0' ? ": " : "", p->detail);
}

static int judge(struct transfer *t, CURLcode rc)
{
	struct tg_client *c = t->c;
	long status = 0;

	curl_easy_getinfo(c->curl, CURLINFO_RESPONSE_CODE, &status);
	if (t->abort_code != 0)
		return t->abort_code;
	if (rc != CURLE_OK && !answer_whole(c, t, status))
		return transport_error(c, rc);
	if (status < 200)
		return http_fail(c, TG_EPROTO, "the server gave no answer");
	if (status < 300)
		return t->call->write == NULL ? http_read_json(c) : 0;
	return refused(c, status);
}

void http_no_problem(struct tg_client *c)
{
	memset(&c->problem, 0, sizeof c->problem);
	c->problem.struct_size = sizeof c->problem;
	c->problem.retry_after_s = -1;
}

int http_perform(struct tg_client *c, struct http_call *call)
{
	struct transfer t = {.c = c, .call = call, .moved_at_ms = http_mono_ms()};
	struct curl_slist *fields = NULL;
	char url[URL_MAX + 256], range[32];
	CURLcode rc;
	int err;

	if (c->curl == NULL) /* tg_client_new() failed and its error was not heeded */
		return TG_EINVAL;
	http_no_problem(c);
	c->error[0] = c->curl_error[0] = '\0';
	c->json_len = 0;
	if (c->json != NULL)
		c->json[0] = '\0';
	t.upload_left = call->upload != NULL ? call->upload->size : 0;
	call->received = call->sent = call->length = 0;
	call->head = (struct http_head){0};
	c->begun = 0;
	if (call->until_ms <= http_mono_ms())
		return http_fail(c, TG_ENET,
			"not done within the time limit (of the call, or the lease's end)");

	curl_easy_reset(c->curl); /* keeps the connection */
	err = set_security(c);
	if (err == 0)
		err = set_content(c, call, &fields);
	if (err != 0)
		goto out;
	snprintf(url, sizeof url, "%s%s", c->url, call->path);
	curl_easy_setopt(c->curl, CURLOPT_URL, url);
	curl_easy_setopt(c->curl, CURLOPT_HTTPHEADER, fields);
	curl_easy_setopt(c->curl, CURLOPT_XFERINFODATA, &t);
	curl_easy_setopt(c->curl, CURLOPT_HEADERDATA, &t);
	curl_easy_setopt(c->curl, CURLOPT_WRITEDATA, &t);
	curl_easy_setopt(c->curl, CURLOPT_READDATA, &t);
	/* libcurl repeats a request that died on an idle connection; a request that consumes must
	 * never be sent twice. */
	curl_easy_setopt(c->curl, CURLOPT_FRESH_CONNECT,
		call->write != NULL && strcmp(call->method, "POST") == 0 ? 1L : 0L);
	if (call->write != NULL && call->from > 0) {
		snprintf(range, sizeof range, "%llu-", (unsigned long long)call->from);
		curl_easy_setopt(c->curl, CURLOPT_RANGE, range);
	}
	curl_easy_setopt(c->curl, CURLOPT_TIMEOUT_MS,
		(long)(call->until_ms - http_mono_ms() > 0 ? call->until_ms - http_mono_ms() : 1));
	rc = curl_easy_perform(c->curl);
	c->begun = begun(c);
	err = judge(&t, rc);
	curl_easy_setopt(c->curl, CURLOPT_HTTPHEADER, NULL);
out:
	curl_slist_free_all(fields);
	return err;
}

static int check_file(struct tg_client *c, const char *what, const char *path)
{
	if (path == NULL || path[0] == '\0')
		return http_fail(c, TG_EINVAL, "no %s is given", what);
	if (access(path, R_OK) != 0)
		return http_fail(c, TG_EIO, "cannot read the %s %s", what, path);
	return 0;
}

static int check_url(struct tg_client *c, const char *url)
{
	size_t n = strlen(url);

	if (strncmp(url, "https://", 8) != 0 || n < 9 || n > URL_MAX)
		return http_fail(c, TG_EINVAL,
			"the server's address has the form https://host:port, not %s", url);
	while (n > 8 && url[n - 1] == '/')
		n--;
	if (strcspn(url + 8, "/?#@ \\") < n - 8)
		return http_fail(c, TG_EINVAL,
			"the server's address has the form https://host:port, not %s", url);
	c->url = strndup(url, n);
	return c->url != NULL ? 0 : http_fail(c, TG_ENOMEM, "%s", tg_strerror(TG_ENOMEM));
}

int tg_client_new(const tg_client_opts *opts, tg_client **out)
{
	struct tg_client *c = calloc(1, sizeof *c);
	tg_client_opts o;
	int err;

	*out = NULL;
	if (c == NULL)
		return TG_ENOMEM;
	*out = c; /* also on failure: tg_client_error() says why */
	c->problem.struct_size = sizeof c->problem;
	c->problem.retry_after_s = -1;
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return http_fail(c, TG_EINTERNAL, "libcurl does not start");
	if (TG_ABI_IN(o, opts) != 0)
		return http_fail(c, TG_EINVAL, "the options lack their struct_size");
	c->connect_timeout_ms =
		o.connect_timeout_ms > 0 ? o.connect_timeout_ms : CONNECT_TIMEOUT_MS;
	c->stall_timeout_ms = o.stall_timeout_ms > 0 ? o.stall_timeout_ms : STALL_TIMEOUT_MS;
	c->timeout_ms = o.timeout_ms > 0 ? o.timeout_ms : 0;
	c->progress = o.progress;
	c->progress_ctx = o.progress_ctx;
	err = check_url(c, o.url != NULL ? o.url : "");
	if (err == 0)
		err = check_file(c, "certificate authority", o.ca);
	if (err == 0)
		err = check_file(c, "client certificate", o.cert);
	if (err == 0)
		err = check_file(c, "client key", o.key);
	if (err != 0)
		return err;
	c->ca = strdup(o.ca);
	c->cert = strdup(o.cert);
	c->key = strdup(o.key);
	c->curl = curl_easy_init();
	if (c->ca == NULL || c->cert == NULL || c->key == NULL || c->curl == NULL)
		return http_fail(c, TG_ENOMEM, "%s", tg_strerror(TG_ENOMEM));
	return 0;
}

void tg_client_free(tg_client *c)
{
	if (c == NULL)
		return;
	if (c->curl != NULL)
		curl_easy_cleanup(c->curl);
	curl_global_cleanup();
	free(c->url);
	free(c->ca);
	free(c->cert);
	free(c->key);
	free(c->json);
	free(c->fetched);
	free(c);
}

const tg_problem *tg_client_problem(const tg_client *c)
{
	return &c->problem;
}

const char *tg_client_error(const tg_client *c)
{
	return c->error;
}

const char *tg_client_json(const tg_client *c)
{
	return c->json != NULL ? c->json : "";
}

struct tg_fetched_parts *http_fetched(struct tg_client *c)
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
