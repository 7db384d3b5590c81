/* route.h: which call a method and a path name, and who may make it. docs/openapi.yaml has the same
 * for clients. Pure. */
#ifndef API_ROUTE_H
#define API_ROUTE_H

#include "api/call.h"
#include "http/h1.h"

enum route_id {
	ROUTE_NO_ID,
	ROUTE_ID,      /* followed by "/" and the id of a blob or a session */
	ROUTE_CLAIM,   /* followed by "/" and a claim's token */
	ROUTE_SUBJECT, /* followed by "/" and a subject */
	ROUTE_EVENT    /* followed by "/" and the id of an event */
};

/* A path is the prefix, the id if there is one, and the suffix. */
struct route {
	enum h1_method method;
	const char *prefix; /* "/v1/blobs" */
	enum route_id id;
	const char *suffix; /* "", or "/take" */
	const char *label;  /* for the log: names no id */
	unsigned roles;     /* enum role, or'ed: any of them may make the call */
	bool of_blob;       /* the id is a blob's, or a claim's */
	bool has_query;     /* the call knows a query; others refuse any */
	struct call_kind call;
};

#define ROUTE_ALLOW_MAX 40 /* bytes of an Allow field's value, its NUL among them */

/**
 * Finds the call that a method and a path name. HEAD finds GET's.
 *
 * @path   without the query
 * @out    set to a static route when 0 is returned
 * @id     set to the path's id when 0 is returned; to "" when the route has none, or when what
 *         stands there cannot be one
 * @allow  set to the methods that are served under the path when TG_EMETHOD is returned
 *
 * Returns 0; TG_ENOENT: there is no such path; TG_EMETHOD: another method is served there;
 * TG_ENOTIMPL: the method is not known at all.
 */
int route_find(enum h1_method method, struct h1_str path, const struct route **out,
	char id[CALL_ID_MAX + 1], char allow[ROUTE_ALLOW_MAX]);

#endif
