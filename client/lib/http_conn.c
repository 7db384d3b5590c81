/*
 * http_conn.c: the settings of the client's connection, its last error and the header fields of its
 * last answer. It opens no connection and sends nothing; libcurl connects with the first request.
 * Runs in the library.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <timeglas/errors.h>
#include <unistd.h>
#include "lib/http_conn.h"
#include "lib/untrusted.h"

#define CONNECT_TIMEOUT_MS 10000L
#define STALL_TIMEOUT_MS 30000L
#define ANSWER_TIMEOUT_MS 60000L

int http_conn_fail(struct http_conn *c, int code, const char *fmt, ...)
{
	char text[sizeof c->error];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	/* texts of certificates, and of libcurl, which quotes the server */
	untrusted_copy(c->error, sizeof c->error, text);
	return code;
}

const char *http_conn_field(const struct http_conn *c, const char *name)
{
	struct curl_header *f;

	if (curl_easy_header(c->curl, name, 0, CURLH_HEADER, -1, &f) != CURLHE_OK || f->amount != 1)
		return NULL;
	return f->value;
}

size_t http_conn_field_count(const struct http_conn *c, const char *name)
{
	struct curl_header *f;

	return curl_easy_header(c->curl, name, 0, CURLH_HEADER, -1, &f) == CURLHE_OK ? f->amount :
										       0;
}

static int check_file(struct http_conn *c, const char *what, const char *path)
{
	if (path == NULL || path[0] == '\0')
		return http_conn_fail(c, TG_EINVAL, "no %s is given", what);
	if (access(path, R_OK) != 0)
		return http_conn_fail(c, TG_EIO, "cannot read the %s %s", what, path);
	return 0;
}

static int copy_url(struct http_conn *c, const char *url)
{
	size_t n = strlen(url);

	if (strncmp(url, "https://", 8) != 0 || n < 9 || n > HTTP_CONN_URL_MAX)
		return http_conn_fail(c, TG_EINVAL,
			"the server's address has the form https://host:port, not %s", url);
	while (n > 8 && url[n - 1] == '/')
		n--;
	if (strcspn(url + 8, "/?#@ \\") < n - 8)
		return http_conn_fail(c, TG_EINVAL,
			"the server's address has the form https://host:port, not %s", url);
	c->url = strndup(url, n);
	return c->url != NULL ? 0 : http_conn_fail(c, TG_ENOMEM, "%s", tg_strerror(TG_ENOMEM));
}

static long or_default(long given_ms, long default_ms)
{
	return given_ms > 0 ? given_ms : default_ms;
}

int http_conn_init(struct http_conn *c, const tg_client_opts *o)
{
	int err;

	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return http_conn_fail(c, TG_EINTERNAL, "libcurl does not start");
	c->libcurl_started = 1;
	c->connect_timeout_ms = or_default(o->connect_timeout_ms, CONNECT_TIMEOUT_MS);
	c->stall_timeout_ms = or_default(o->stall_timeout_ms, STALL_TIMEOUT_MS);
	c->answer_timeout_ms = or_default(o->timeout_ms, ANSWER_TIMEOUT_MS);
	c->progress = o->progress;
	c->progress_ctx = o->progress_ctx;
	err = copy_url(c, o->url != NULL ? o->url : "");
	if (err == 0)
		err = check_file(c, "certificate authority", o->ca);
	if (err == 0)
		err = check_file(c, "client certificate", o->cert);
	if (err == 0)
		err = check_file(c, "client key", o->key);
	if (err != 0)
		return err;
	c->ca = strdup(o->ca);
	c->cert = strdup(o->cert);
	c->key = strdup(o->key);
	c->curl = curl_easy_init();
	if (c->ca == NULL || c->cert == NULL || c->key == NULL || c->curl == NULL)
		return http_conn_fail(c, TG_ENOMEM, "%s", tg_strerror(TG_ENOMEM));
	return 0;
}

void http_conn_destroy(struct http_conn *c)
{
	if (c->curl != NULL)
		curl_easy_cleanup(c->curl);
	if (c->libcurl_started)
		curl_global_cleanup();
	free(c->url);
	free(c->ca);
	free(c->cert);
	free(c->key);
	free(c->json);
}
