/*
 * http_conn.h: the client's one connection: its settings, its libcurl handle, the last answer and
 * the last error. http.h sends requests over it. Not installed.
 */
#ifndef TG_LIB_HTTP_CONN_H
#define TG_LIB_HTTP_CONN_H

#include <curl/curl.h>
#include <stddef.h>
#include <stdint.h>
#include <timeglas/timeglas.h>

#define HTTP_CONN_ERROR_CHARS 512
#define HTTP_CONN_URL_MAX 512u /* characters of the server's address */

struct http_conn {
	int libcurl_started;   /* libcurl counts who started it */
	CURL *curl;            /* NULL: http_conn_init() failed */
	char *url;             /* https://host[:port], without a slash at its end */
	char *ca, *cert, *key; /* paths */
	long connect_timeout_ms;
	long stall_timeout_ms;  /* the longest that no byte moves */
	long answer_timeout_ms; /* the longest between the end of an upload and the answer to it */
	/* called about once a second; anything but 0 ends the transfer with TG_ECANCELED */
	int (*progress)(void *ctx, uint64_t sent, uint64_t received, uint64_t total);
	void *progress_ctx;

	/* the last answer's JSON, NUL-terminated; NULL before the first one */
	char *json;
	size_t json_bytes; /* without the NUL */
	int request_sent;  /* the last request was sent, at least in part */

	char curl_error[CURL_ERROR_SIZE];
	char error[HTTP_CONN_ERROR_CHARS]; /* a sentence for people; "": none */
};

/**
 * Takes over the settings of a new client and checks them as far as that is possible without the
 * network: the form of the address, and that the three files can be read.
 *
 * @c  zeroed
 * @o  borrowed until return
 *
 * Returns 0, TG_EINVAL, TG_EIO, TG_ENOMEM or TG_EINTERNAL. In each case http_conn_destroy() frees
 * what c holds.
 */
int http_conn_init(struct http_conn *c, const tg_client_opts *o);

/** Closes the connection and frees what c holds, but not c. */
void http_conn_destroy(struct http_conn *c);

/**
 * Keeps a sentence that says what failed. Characters that could steer a terminal become '?', since
 * parts of it come from the server.
 *
 * @code  a TG_E… code
 * @fmt   as for printf
 *
 * Returns code.
 */
int http_conn_fail(struct http_conn *c, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/**
 * Looks up a header field of the last answer.
 *
 * @name  in any case
 *
 * Returns its value, which is valid until the next request; NULL when the answer has the field not
 * at all, or more than once.
 */
const char *http_conn_field(const struct http_conn *c, const char *name);

/** Returns how often the last answer has the header field name. */
size_t http_conn_field_count(const struct http_conn *c, const char *name);

#endif
