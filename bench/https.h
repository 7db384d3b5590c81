/* https.h: a small blocking HTTP/1.1 client over mutual TLS 1.3, one connection, one request at a
 * time. It dies on anything unexpected. */
#ifndef BENCH_HTTPS_H
#define BENCH_HTTPS_H

#include <stddef.h>
#include "server.h"

#define HTTPS_BODY_MAX 131072

struct https;

/** Connects to s with that client certificate (paths of PEM files). s is borrowed until
 * https_close(). */
struct https *https_open(const struct server *s, const char *cert, const char *key);
void https_close(struct https *h);

/**
 * Sends a request and waits for the answer, at most 20 s. Returns the answer's status.
 *
 * @fields  further header lines: "Name: value\r\n"…
 * @body    n bytes, at most HTTPS_BODY_MAX
 */
int https_call(struct https *h, const char *method, const char *path, const char *fields,
	const void *body, size_t n);

/** The content of the last answer, with a NUL; valid until the next https_call(). */
const char *https_body(const struct https *h);

#endif
