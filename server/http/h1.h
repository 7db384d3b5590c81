/*
 * h1.h: heads of HTTP/1.1 requests (RFC 9112, narrowed), parsed without I/O and without allocation.
 * Strict: anything that two parsers could understand differently is refused. Accepted are lines
 * that end in CRLF, without obs-fold; exactly one Host, which names a host; one Content-Length or
 * one "Transfer-Encoding: chunked"; origin-form targets; HTTP/1.1 alone. CONNECT and Upgrade are
 * refused. h1_body.h reads the content.
 */
#ifndef HTTP_H1_H
#define HTTP_H1_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define H1_HEAD_MAX 16384u /* request line and fields */
#define H1_TARGET_MAX 2048u
#define H1_FIELDS_MAX 64u
#define H1_LENGTH_UNKNOWN UINT64_MAX

enum h1_method { H1_GET, H1_HEAD, H1_POST, H1_PUT, H1_DELETE, H1_OTHER };

struct h1_str {
	const char *p;
	size_t n;
};
struct h1_field {
	struct h1_str name, value; /* value: without surrounding blanks */
};

struct h1_head { /* points into the bytes that were parsed */
	enum h1_method method;
	/* query: without '?', n = 0 when it is empty or there is none */
	struct h1_str target, path, query;
	struct h1_field field[H1_FIELDS_MAX];
	size_t n_fields;
	uint64_t content_length; /* H1_LENGTH_UNKNOWN when chunked; 0 when there is no content */
	bool chunked, expect_continue;
	bool close;     /* the client sent "Connection: close" */
	bool has_query; /* there is a '?', also with nothing behind it */
};

/**
 * Looks for the end of a head.
 *
 * @p        n bytes, of which the first is the head's first
 * @scanned  0 at first; how far an earlier call for the same head got
 *
 * Returns the head's length with its final CRLF CRLF; 0: more bytes are needed; TG_EHEADERS: it is
 * longer than H1_HEAD_MAX; TG_EINVAL: these bytes cannot begin a request.
 */
long h1_head_end(const char *p, size_t n, size_t *scanned);
/** Returns a static sentence for the client about a head of which h1_head_end() returned err. */
const char *h1_head_fault(int err);
/**
 * Parses a whole head.
 *
 * @p    n bytes, as h1_head_end() counted them
 * @out  points into p; complete only when 0 is returned
 * @why  set to a static sentence for the client when it is not 0
 *
 * Returns 0, TG_EINVAL, TG_EURI, TG_EHEADERS, TG_EVERSION, TG_EEXPECT or TG_ENOTIMPL (CONNECT,
 * unknown transfer coding, Upgrade). A well-formed method that is not served is H1_OTHER, and no
 * error.
 */
int h1_head_parse(const char *p, size_t n, struct h1_head *out, const char **why);
/**
 * Finds a field.
 *
 * @name  in any case
 * @dup   set to true when the field stands more than once, otherwise left; may be NULL
 *
 * Returns the value of the first one, which lives as long as h, or NULL when there is none.
 */
const struct h1_str *h1_field(const struct h1_head *h, const char *name, bool *dup);

#endif
