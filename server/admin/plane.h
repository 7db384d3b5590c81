/*
 * plane.h: the admin plane's connections: plain HTTP/1.1, one short request after the other. Every
 * state (plane_state.h) has a time limit that nothing prolongs. It knows none of the documents that
 * it delivers.
 *
 * A connection lives for 60 s at most. Of that: 5 s until a request begins, 5 s from its first byte
 * until its head is complete, 5 s until the answer has been taken. There are 64 connections at
 * most: when one more comes, or when descriptors are used up, the oldest goes.
 */
#ifndef ADMIN_PLANE_H
#define ADMIN_PLANE_H

#include <stdbool.h>
#include <stddef.h>

#include "http/h1.h"
#include "net/loop.h"

#define PLANE_CONNECTIONS_MAX 64u

struct plane;

struct plane_answer {       /* zeroed before it is filled in */
	int status;         /* 0: 200 */
	const char *type;   /* of the content; NULL: plain text */
	const char *fields; /* further "Name: value\r\n" lines, or NULL; static */
	/* from malloc(); the plane frees it. NULL: memory ran out, the client gets 500 */
	char *body;
	size_t n;
};

/** Makes a copy of text the answer. text NULL: the client gets 500, as when memory runs out. */
void plane_text(struct plane_answer *out, int status, const char *text);

/** Fills in the answer to a request before return. head: valid until return. Not called for a
 * request whose Host is not this machine. */
typedef void plane_cb(void *ctx, const struct h1_head *head, struct plane_answer *out);

/** Begins to serve what connects to the listening socket fd, which stays the caller's. Returns the
 * plane, for plane_free(), or NULL with errno set. */
struct plane *plane_new(struct loop *l, int fd, plane_cb *cb, void *ctx);
/** Closes all connections, and frees the plane. NULL is harmless. */
void plane_free(struct plane *p);

#endif
