/*
 * http.h: one request and its answer over the client's connection. It knows HTTP, and neither the
 * calls of the API nor what is in their JSON. Not installed.
 */
#ifndef TG_LIB_HTTP_H
#define TG_LIB_HTTP_H

#include "lib/http_conn.h"
#include "lib/http_head.h"

struct http_upload {
	uint64_t size_bytes; /* UINT64_MAX: not known, so it is sent in chunks */
	/* gives up to cap bytes, 0 at the end, or a negative TG_E… that ends the request */
	long (*read)(void *ctx, void *p, size_t cap);
	void *ctx;
};

struct http_call {
	const char *method;               /* GET, POST, DELETE */
	const char *path;                 /* "/v1/…" */
	const char *body;                 /* JSON; NULL: none */
	struct curl_slist *fields;        /* further header fields; the caller's */
	const struct http_upload *upload; /* content to send; NULL: none */
	/* receives content (head.want is HTTP_WANT_CONTENT); anything but 0 ends the request */
	int (*write)(void *ctx, const void *p, size_t n);
	void *write_ctx;
	/* clock_mono_ms() at which the call ends, whatever happens; one limit for all its tries */
	int64_t until_mono_ms;
	struct http_head head; /* what is wanted, and the head that came */

	uint64_t sent_bytes;     /* out: bytes that upload gave */
	uint64_t received_bytes; /* out: bytes that write was given */
};

/**
 * Sends one request and waits for its answer. Follows no redirect and tries nothing twice.
 *
 * @c     c->json: the answer, unless it went to call->write; c->error: a sentence on failure
 * @call  call->head.status: the answer's status, a refusal's too
 *
 * Returns 0 when there was a whole answer, of whatever status. Otherwise TG_ENET, TG_ETLS,
 * TG_EPROTO, TG_ETOOBIG, TG_EINVAL, TG_ENOMEM, TG_ECANCELED, or what read or write returned.
 */
int http_perform(struct http_conn *c, struct http_call *call);

#endif
