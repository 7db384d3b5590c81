/* route.h: which call a method and a path name, and who may make it. docs/openapi.yaml has the same
 * for clients. Pure. */
#ifndef API_ROUTE_H
#define API_ROUTE_H

#include "base/token.h"
#include "http/h1.h"
#include "store/store.h"

struct call;

enum route_content {
	ROUTE_NO_CONTENT, /* what comes is dropped, 64 KiB at most */
	ROUTE_JSON,       /* a small JSON object, or nothing */
	ROUTE_STREAM      /* an upload */
};

enum route_id {
	ROUTE_NO_ID,
	ROUTE_ID,   /* followed by "/" and the id of a blob or a session */
	ROUTE_CLAIM /* followed by "/" and a claim's token */
};

struct route {
	enum h1_method method;
	const char *prefix; /* "/v1/blobs" */
	enum route_id id;
	const char *suffix; /* then that: "", "/take" */
	const char *label;  /* for the log: names no id */
	unsigned roles;     /* enum role, or'ed: any of them */
	enum route_content content;
	void (*start)(struct call *c); /* the content is complete; ROUTE_STREAM: the head is */
};

#define ROUTE_ALLOW_MAX 40
#define ROUTE_ID_MAX STORE_CLAIM_LEN

/**
 * route_find(method, path, out, id, allow): HEAD finds GET's route. id: the path's id, empty when
 * the route has none. Returns 0; TG_ENOENT: no such path, or its id is not well-formed; TG_EMETHOD:
 * another method is served here (allow: their list); TG_ENOTIMPL.
 */
int route_find(enum h1_method method, struct h1_str path, const struct route **out,
	char id[ROUTE_ID_MAX + 1], char allow[ROUTE_ALLOW_MAX]);

#endif
