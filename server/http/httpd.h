/*
 * httpd.h: an HTTP/1.1 server on TLS connections that its owner accepts. It serves pipelined
 * requests in order, streams content and answers with back-pressure, and limits the size and the
 * time of everything. It knows neither the store nor the API's rules.
 *
 * Life of a request: on_request (head complete) → the handler's on_body* → on_end → the handler
 * replies → on_done → the connection's next request. An answer that is given before the content has
 * ended carries "Connection: close", and the connection is closed so that the client can read it.
 *
 * Layers, each of which uses those before it and calls those behind it only by a struct of
 * callbacks: httpd_conn (a connection), httpd_reply (an answer), httpd_req (a request),
 * httpd_pipeline (the requests of a connection), httpd (all connections of a worker). Answers,
 * aborts, httpd_drain() and httpd_each_peer() may be called from any callback, httpd_free() from
 * none.
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

struct httpd_calls { /* what the layer above provides; ctx: of httpd_new() */
	/* A TLS handshake is complete. Returns the peer's context for this connection's requests,
	 * or NULL: its client is no peer, and its one request gets 403 unknown-peer. */
	void *(*on_peer)(void *ctx, const uint8_t spki[32]);
	/* A head is complete. The callee sets handlers with httpd_req_handle() or replies at once.
	 */
	void (*on_request)(void *ctx, struct httpd_req *r);
	/* For the log and the metrics: a request ended, also one that this layer refused before
	 * on_request. slug: of the problem document's type; NULL: the answer is none. */
	void (*on_log)(void *ctx, struct httpd_req *r, int status, const char *slug,
		uint64_t in_bytes, uint64_t out_bytes, uint64_t duration_us);
	/* The TG_E… and the sentence that a client gets when a handler has not answered its whole
	 * request in time. */
	int late_code;
	const char *late_detail;
};

/**
 * Makes a server without connections.
 *
 * @tls     takes a reference
 * @limits  copied
 * @calls   borrowed; outlives it, as does l
 *
 * Returns it, for httpd_free(), or NULL without memory.
 */
struct httpd *httpd_new(struct loop *l, SSL_CTX *tls, const struct httpd_limits *limits,
	const struct httpd_calls *calls, void *ctx);
/**
 * Replaces the TLS context (reload). New connections use it. Of those that there are, each is
 * closed whose certificate it does not accept: before its next request, or else within the next
 * turns of the loop.
 *
 * @tls  takes a reference
 */
void httpd_set_tls(struct httpd *h, SSL_CTX *tls);
/** Serves a connection that was just accepted. Owns fd. Where max_unknown or the share of its
 * address is reached, the oldest connection that is no peer's is closed for it (preauth.h). */
void httpd_accept(struct httpd *h, int fd);
/** Closes the oldest connection that is no peer's, when descriptors are short. Returns whether
 * there was one. */
bool httpd_relieve(struct httpd *h);
/** Returns the number of connections, also those in their handshake. */
size_t httpd_connections(const struct httpd *h);
/** Begins to end all connections: answers carry "Connection: close", and connections without a
 * request are closed now, as after a last answer (httpd_conn_finish()). */
void httpd_drain(struct httpd *h);
/**
 * Replaces the peer contexts of all connections (reload).
 *
 * @keep  called before return with each certificate and its present context, which is NULL for a
 *        client that is no peer; returns the new context. NULL where there was one: the connection
 *        is closed at once
 */
void httpd_each_peer(
	struct httpd *h, void *(*keep)(void *ctx, const uint8_t spki[32], void *peer), void *ctx);
/** Closes all connections, after each handler's on_done, and frees the server. NULL is harmless. */
void httpd_free(struct httpd *h);

#endif
