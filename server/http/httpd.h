/*
 * httpd.h: an HTTP/1.1 server on TLS connections that somebody else accepts: pipelining and
 * keep-alive in order, request content streamed with back-pressure, answers streamed likewise,
 * limits and timeouts on everything. It knows neither the store nor a rule of timeglas.
 *
 * Life of a request: on_request (head complete) → the handler's on_body* → on_end → the handler
 * replies → on_done → the connection's next request. An answer that is given before the content has
 * ended carries "Connection: close", and the connection is closed so that the client can read it.
 *
 * Layers, each of which uses those before it and calls those behind it only by a struct of
 * callbacks: httpd_conn (a connection), httpd_reply (an answer), httpd_req (a request),
 * httpd_pipeline (the requests of a connection), httpd (all connections of a worker). Answers,
 * aborts, drain and each_peer may be called from any callback, httpd_free() from none.
 */
#ifndef HTTP_HTTPD_H
#define HTTP_HTTPD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <openssl/ssl.h>

#include "http/httpd_limits.h"
#include "http/httpd_problem.h"
#include "http/httpd_reply.h"
#include "http/httpd_req.h"
#include "net/loop.h"

struct httpd;

struct httpd_calls { /* what the layer above provides; all of ctx is its own */
	/* A TLS handshake is complete. Returns the peer's context for this connection's requests,
	 * or NULL: its client is no peer, and its one request gets 403 unknown-peer. */
	void *(*on_peer)(void *ctx, const uint8_t spki[32]);
	/* A head is complete. The callee sets handlers with httpd_req_handle() or replies at once.
	 */
	void (*on_request)(void *ctx, struct httpd_req *r);
	/* A request ended (also one refused by this layer, before on_request): for the log and the
	 * metrics. slug: of the problem document's type, or NULL. */
	void (*on_log)(void *ctx, struct httpd_req *r, int status, const char *slug,
		uint64_t in_bytes, uint64_t out_bytes, uint64_t duration_us);
	/* A handler has not answered a whole request in time: the TG_E… and the sentence that its
	 * client gets. */
	int late_code;
	const char *late_detail;
};

/** httpd_new(l, tls, limits, calls, ctx): takes a reference to tls; limits are copied; calls
 * outlives it. NULL without memory. */
struct httpd *httpd_new(struct loop *l, SSL_CTX *tls, const struct httpd_limits *limits,
	const struct httpd_calls *calls, void *ctx);
/**
 * Replaces the TLS context (reload): new connections use it, and of those that there are each is
 * closed whose certificate it would not let in; before its next request, and in any case soon.
 *
 * @tls  takes a reference
 */
void httpd_set_tls(struct httpd *h, SSL_CTX *tls);
/** httpd_accept(h, fd): a fresh connection; the oldest that is no peer's goes for it where
 * max_unknown, or its address's share, is reached. Owns fd. */
void httpd_accept(struct httpd *h, int fd);
/** httpd_relieve(h): descriptors are short: closes the oldest connection that is no peer's. Returns
 * whether there was one. */
bool httpd_relieve(struct httpd *h);
size_t httpd_connections(const struct httpd *h);
/** httpd_drain(h): answers carry "Connection: close", idle connections are closed now (as after an
 * answer: half-closed, then for at most 1 s). */
void httpd_drain(struct httpd *h);
/** httpd_each_peer(h, keep, ctx): reload: keep(ctx, spki, peer) returns the new peer context, NULL
 * closes the connection at once. */
void httpd_each_peer(
	struct httpd *h, void *(*keep)(void *ctx, const uint8_t spki[32], void *peer), void *ctx);
/** httpd_free(h): closes all connections; every handler's on_done is called. NULL is fine. */
void httpd_free(struct httpd *h);

#endif
