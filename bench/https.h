/* https.h: a small blocking HTTP/1.1 client over mutual TLS 1.3, one connection, one request at a
 * time. Dies on anything unexpected. */
#ifndef BENCH_HTTPS_H
#define BENCH_HTTPS_H

#include <stddef.h>
#include "servers.h"

#define HTTPS_BODY_MAX 16384

struct https;

/** https_open(s, cert, key): connects as the peer of that certificate. */
struct https *https_open(const struct server *s, const char *cert, const char *key);
void https_close(struct https *h);
/** https_call(h, method, path, fields, body, n): fields: "Name: value\r\n"…; returns the status.
 * The answer's content: https_body(). */
int https_call(struct https *h, const char *method, const char *path, const char *fields,
	const void *body, size_t n);
/** https_body(h): the last answer's content, NUL-terminated; valid until the next call. */
const char *https_body(const struct https *h);

#endif
