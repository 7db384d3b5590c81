/*
 * resp.h: the two parts of RESP2 (Redis's protocol) that hiredis's reader does not do for a fast
 * connection: commands written straight into an evbuffer, and a scanner that finds where an answer
 * ends without building it, so that a large bulk string can be moved past the reader. It does no
 * I/O.
 */
#ifndef REDIS_RESP_H
#define REDIS_RESP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <event2/buffer.h>

#define RESP_LINE_MAX 16 /* bytes of a bulk's first line, CR LF included, at most */
#define RESP_BULK_MAX ((size_t)512 * 1024) /* a longer bulk is a protocol error */

struct resp_scan { /* zeroed before the first byte of a connection */
	uint32_t state;
	bool in_reply; /* past its first byte */
	bool negative;
	char type; /* of the line being read */
	uint32_t digits;
	uint64_t number;
	uint64_t need; /* values still to come in this reply */
	/* bytes of a bulk still to come; the caller counts it down during RESP_BODY */
	size_t left;
	long bulk_len; /* of the fetched bulk */
};

enum resp_step {
	/* `used` bytes belong to the reply that is coming: feed them to the reader */
	RESP_FEED,
	RESP_REPLY, /* the same, and the reply ends with them */
	/* the line of a fetched bulk is not complete yet: come again with more than n bytes */
	RESP_WAIT,
	RESP_SKIP, /* `used` bytes are framing around a fetched bulk: drop them */
	/* up to s->left bytes of the fetched bulk stand next; the caller moves them and reduces
	   s->left */
	RESP_BODY,
	RESP_BODY_END, /* `used` bytes of framing end the fetched bulk (s->bulk_len) */
	RESP_BAD
};

/** resp_scan(s, p, n, fetch, used): the next n >= 1 bytes. fetch: the reply's command wants its
 * bulk moved; then, at a reply's first byte, p should hold RESP_LINE_MAX bytes if as many have
 * arrived. */
enum resp_step resp_scan(struct resp_scan *s, const char *p, size_t n, bool fetch, size_t *used);

/** resp_status(p, n): the length of the status reply ("+OK") that stands here, whole; 0: none does.
 */
size_t resp_status(const char *p, size_t n);

/** resp_in_body(s): is the next byte one of the fetched bulk's s->left? */
bool resp_in_body(const struct resp_scan *s);

/** resp_write(out, argc, argv, len): one command. Returns 0 or TG_ENOMEM (out is unchanged). */
int resp_write(struct evbuffer *out, int argc, const char *const argv[], const size_t len[]);
/** resp_write_set(out, key, n, value, px_ms): SET key value PX px_ms; value's chains are moved, it
 * is empty afterwards. 0 or TG_ENOMEM. */
int resp_write_set(
	struct evbuffer *out, const char *key, size_t n, struct evbuffer *value, uint64_t px_ms);

#endif
