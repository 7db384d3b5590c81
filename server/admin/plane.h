/*
 * plane.h: connections of the admin plane, and of a witness: plain HTTP/1.1, one short request
 * after the other. Every state (plane_state.h) has a time limit that nothing prolongs. It knows
 * none of the documents that it delivers.
 *
 * A connection lives for 60 s at most. Of that: 5 s until a request begins, 5 s from its first byte
 * until its head and content are complete, 5 s until the answer has been taken. There are 64
 * connections at most: when one more comes, or when descriptors are used up, the oldest goes.
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

/** Fills in the answer to a request before return. head, content: valid until return. */
typedef void plane_cb(void *ctx, const struct h1_head *head, const struct h1_str *content,
	struct plane_answer *out);

struct plane_opts {
	/* Bytes of a POST's content; a longer one is refused. 0: content of a POST is dropped, and
	 * its connection ends. */
	size_t content_max;
	bool any_host; /* serve requests whose Host is not this machine, too */
};

/** Begins to serve what connects to the listening socket fd, which stays the caller's. o: copied.
 * Returns the plane, for plane_free(), or NULL with errno set. */
struct plane *plane_new(
	struct loop *l, int fd, const struct plane_opts *o, plane_cb *cb, void *ctx);
/** Closes all connections, and frees the plane. NULL is harmless. */
void plane_free(struct plane *p);

#endif
