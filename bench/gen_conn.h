/*
 * gen_conn.h: one connection of the load generator: HTTP/1.1 over mutual TLS 1.3 or plain, kept
 * alive, one request at a time. It is made to cost little, because it shares the processors with
 * the servers under test: requests are handed over ready to send, and of an answer it reads the
 * status and the length, and compares some of the content. Edge-triggered; TLS straight on the
 * socket.
 */
#ifndef BENCH_GEN_CONN_H
#define BENCH_GEN_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <event2/event.h>
#include <openssl/ssl.h>

#define GCONN_ANSWER_MAX 4096 /* of a head, and of an answer that is not compared */

struct gconn;

struct gconn_calls {
	void (*on_open)(struct gconn *c, void *ctx);
	/* content: NUL-terminated, n bytes, valid until return; NULL when it was compared with what
	 * was wanted, and is the same. */
	void (*on_answer)(struct gconn *c, int status, const char *content, size_t n, void *ctx);
	/* Then nothing else comes of this connection. why: a sentence, valid until return. */
	void (*on_fail)(struct gconn *c, const char *why, void *ctx);
};

/** gconn_tls(ca, cert, key): what connections as that certificate's peer have in common. Dies on
 * failure. */
SSL_CTX *gconn_tls(const char *ca, const char *cert, const char *key);

/**
 * gconn_new(base, host, port, tls, calls, ctx): not yet connected. host: an IPv4 address. tls: NULL
 * for plain HTTP, or borrowed. gconn_open(c): connects (again); on_open or on_fail follows, never
 * before return.
 */
struct gconn *gconn_new(struct event_base *base, const char *host, unsigned port, SSL_CTX *tls,
	const struct gconn_calls *calls, void *ctx);
void gconn_open(struct gconn *c);
/** gconn_from(c, n): connects from 127.1.0.n, n in 1..255: each address has ports of its own, and
 * those of ended connections rest for a minute. */
void gconn_from(struct gconn *c, unsigned n);
/** gconn_close(c): disconnects; no callback follows; allowed in one. gconn_free(c): the same, and
 * frees; not in a callback; NULL is fine. */
void gconn_close(struct gconn *c);
void gconn_free(struct gconn *c);

/**
 * gconn_send(c, request, n, want, want_n): a whole request, borrowed until its answer. want: the
 * content that an answer of status 200 must have, borrowed likewise: its length and its first and
 * last bytes are compared; NULL: on_answer gets the content.
 */
void gconn_send(struct gconn *c, const void *request, size_t n, const void *want, size_t want_n);

#endif
