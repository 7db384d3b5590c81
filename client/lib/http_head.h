/* http_head.h: which heads of an answer the client accepts. Not installed. */
#ifndef TG_LIB_HTTP_HEAD_H
#define TG_LIB_HTTP_HEAD_H

#include "lib/http_conn.h"

#define HTTP_JSON_MAX (1024u * 1024u) /* bytes of a JSON answer; more is a protocol error */
#define HTTP_HEAD_BYTES (32u * 1024u) /* of all heads of one answer, interim ones too */
#define HTTP_HEAD_LINES 100u
#define HTTP_INTERIM_MAX 4u /* interim answers (100 Continue) to one request */
#define HTTP_ETAG_CHARS 128

/* What a success looks like. */
enum http_want {
	HTTP_WANT_JSON,               /* 200 with JSON */
	HTTP_WANT_CREATED,            /* 201 with JSON */
	HTTP_WANT_CREATED_OR_EARLIER, /* the same, or 200 with the answer to an earlier request */
	HTTP_WANT_CONTENT,            /* 200, or from a later byte on 206, with a blob's bytes */
	HTTP_WANT_PROOF,              /* 200 with a text, or 202: there is none yet */
};

struct http_head {
	enum http_want want;
	/* For HTTP_WANT_CONTENT: */
	uint64_t from_bytes; /* the first byte that was asked for */
	uint64_t size_bytes; /* of the whole blob; 0: not known */
	uint64_t max_bytes;  /* a longer answer is refused; 0: no limit (of a proof: not 0) */
	/* out: the first answer's; every further part of the same blob must have the same. The
	 * caller keeps it from request to request. */
	char etag[HTTP_ETAG_CHARS];

	long status;           /* out: of the answer; 0: none yet */
	uint64_t length_bytes; /* out: Content-Length */

	/* of the head so far */
	size_t bytes;
	unsigned lines, interim;
};

/** Forgets what was read of the last answer, except for the ETag. */
void http_head_reset(struct http_head *h);

/**
 * Judges one line of an answer's head. At the empty line that ends a final head it judges the whole
 * head: status, framing, and whether the content is the one that was asked for (RFC 9110 sections 8
 * and 14, RFC 9112 section 6). So no byte of the content is looked at before.
 *
 * @c     gets the sentence on failure
 * @line  with its line end, not NUL-terminated
 * @n     its bytes
 *
 * Returns 0, TG_EPROTO or TG_ETOOBIG.
 */
int http_head_line(struct http_conn *c, struct http_head *h, const char *line, size_t n);

#endif
