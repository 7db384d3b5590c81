/*
 * gconn.h: one connection of the load generator: HTTP/1.1 over mutual TLS 1.3 or in plain text,
 * kept alive, one request at a time. It shares the processors with the servers under test, so it
 * does little: requests come ready to send; of an answer it reads the status and the length, and
 * compares a part of the content. Sockets are edge-triggered.
 */
#ifndef BENCH_GCONN_H
#define BENCH_GCONN_H

#include <stdbool.h>
#include <stddef.h>
#include <event2/event.h>
#include <openssl/ssl.h>

#define GCONN_ANSWER_MAX 4096 /* bytes of a head, and of a content that is not compared */

struct gconn;

struct gconn_calls {
	/* The connection is ready for a request. */
	void (*on_open)(struct gconn *c, void *ctx);
	/* The request was answered. content: n bytes and a NUL, valid until return; NULL when it
	 * was compared with what was wanted, and is the same. */
	void (*on_answer)(struct gconn *c, int status, const char *content, size_t n, void *ctx);
	/* The connection is closed; no other callback follows. why: a sentence, valid until return.
	 */
	void (*on_fail)(struct gconn *c, const char *why, void *ctx);
};

/** Makes the TLS settings of connections with that client certificate. The arguments are paths of
 * PEM files. Dies on failure. The caller calls SSL_CTX_free(). */
SSL_CTX *gconn_tls(const char *ca, const char *cert, const char *key);

/**
 * Makes a connection that is not open yet.
 *
 * @host   an IPv4 address
 * @tls    borrowed; NULL: plain HTTP
 * @calls  borrowed until gconn_free(); never called before gconn_new() returns
 */
struct gconn *gconn_new(struct event_base *base, const char *host, unsigned port, SSL_CTX *tls,
	const struct gconn_calls *calls, void *ctx);

/** Connects a closed connection. Later on_open or on_fail is called, never before return. */
void gconn_open(struct gconn *c);

/** Lets later gconn_open() connect from 127.1.0.n, n in 1..255. Each address has ports of its own,
 * and the kernel keeps the port of an ended connection for a minute. */
void gconn_from(struct gconn *c, unsigned n);

/** Disconnects. No callback follows. May be called in a callback. */
void gconn_close(struct gconn *c);

/** Closes and frees. Must not be called in a callback of c. NULL is allowed. */
void gconn_free(struct gconn *c);

/**
 * Sends a request; on_answer or on_fail follows. c must be open, and have no request under way;
 * otherwise the process ends with a message.
 *
 * @request  n bytes, head and content; borrowed until the callback
 * @want     want_n bytes that the content of an answer with status 200 must have, borrowed until
 * the callback: its length and its first and last 64 bytes are compared. NULL: on_answer gets the
 * content.
 */
void gconn_send(struct gconn *c, const void *request, size_t n, const void *want, size_t want_n);

#endif
