/*
 * errand.h: one request to a witness: look its name up, connect, send, and read a short answer, all
 * of it in a fixed time. What a witness sends is bounded, and redirects are answers like others.
 */
#ifndef COURIER_ERRAND_H
#define COURIER_ERRAND_H

#include <stddef.h>
#include <openssl/ssl.h>
#include "base/metrics.h"
#include "courier/target.h"
#include "net/loop.h"

#define ERRAND_S 10u /* from the look-up to the answer's last byte */

struct errand;

/**
 * Told once, never before errand_start() has returned; then the errand is to be freed.
 *
 * @status  of HTTP; 0: there is no answer
 * @text    of an answer: its content, n bytes; otherwise why there is none, for people
 * @why     where there is none: the kind of that
 */
typedef void errand_cb(
	void *ctx, int status, const char *text, size_t n, enum metric_witness_failure why);

/* The addresses that were found for a witness's name. Whoever has errands with one target keeps
 * them from one to the next; zeroed, nothing is known. */
struct errand_known {
	struct target_addresses found;
	unsigned next;     /* the one that is tried */
	uint64_t until_us; /* then they are looked up again */
};
/** The address that was tried did not do: the next errand takes another one, or looks again. */
void errand_known_failed(struct errand_known *k);

/**
 * Posts n bytes to a witness's add-checkpoint.
 *
 * @t      borrowed, as is known, until errand_free()
 * @tls    for a target with https; otherwise unused
 * @body   n bytes, borrowed until return
 *
 * Returns the errand, for errand_free(); NULL when it cannot begin.
 */
struct errand *errand_start(struct loop *l, const struct target *t, struct errand_known *known,
	SSL_CTX *tls, const char *body, size_t n, errand_cb *cb, void *ctx);

/** Ends it; nothing is told any more. NULL is harmless. */
void errand_free(struct errand *e);

#endif
