/*
 * errand.h: one request to a witness: connect, send, and read a short answer, all of it in a fixed
 * time. What a witness sends is bounded, and redirects are answers like others.
 */
#ifndef COURIER_ERRAND_H
#define COURIER_ERRAND_H

#include <stddef.h>
#include <openssl/ssl.h>
#include "courier/target.h"
#include "net/loop.h"

#define ERRAND_S 10u           /* from the connect to the answer's last byte */
#define ERRAND_HEAD_MAX 8192u  /* bytes of the answer's head */
#define ERRAND_BODY_MAX 16384u /* and of its content */

struct errand;

/**
 * Told once, never before errand_start() has returned; then the errand is to be freed.
 *
 * @status  of HTTP; 0: there is no answer
 * @text    of an answer: its content, n bytes; otherwise why there is none, for people
 */
typedef void errand_cb(void *ctx, int status, const char *text, size_t n);

/**
 * Posts n bytes to a witness's add-checkpoint.
 *
 * @addr  len bytes, borrowed until return
 * @tls   for a target with https; otherwise unused
 *
 * Returns the errand, for errand_free(); NULL when it cannot begin.
 */
struct errand *errand_start(struct loop *l, const struct target *t, const struct sockaddr *addr,
	socklen_t len, SSL_CTX *tls, const char *body, size_t n, errand_cb *cb, void *ctx);

/** Ends it; nothing is told any more. NULL is harmless. */
void errand_free(struct errand *e);

#endif
