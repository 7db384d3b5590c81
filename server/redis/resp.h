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

struct resp_scan {      /* zeroed before the first byte of a connection */
	uint32_t state; /* resp.c */
	bool in_reply;  /* behind its first byte */
	bool negative;
	char type; /* of the line that is read */
	uint32_t digits;
	uint64_t number;
	uint64_t need; /* values still to come in this reply */
	/* bytes of a bulk still to come; the caller counts it down in RESP_BODY */
	size_t left;
	long bulk_len; /* of the fetched bulk */
};

enum resp_step {
	/* `used` bytes belong to the reply that is coming: feed them to the reader */
	RESP_FEED,
	RESP_REPLY, /* the same, and the reply ends with them */
	/* the line of a fetched bulk is not complete yet: call again with more than n bytes */
	RESP_WAIT,
	RESP_SKIP, /* `used` bytes are framing of a fetched bulk: drop them */
	/* up to s->left bytes of the fetched bulk stand here; the caller moves them and reduces
	   s->left */
	RESP_BODY,
	RESP_BODY_END, /* `used` bytes of framing end the fetched bulk (s->bulk_len) */
	RESP_BAD       /* this is not the protocol; the connection has to end */
};

/**
 * Looks at the next bytes of the answers.
 *
 * @p      n bytes, at least one; borrowed until return
 * @fetch  the reply's command wants its bulk moved. Then, at a reply's first byte, p should hold
 *         RESP_LINE_MAX bytes if as many have arrived
 * @used   set to the number of bytes that the step is about; without meaning for RESP_WAIT,
 *         RESP_BODY and RESP_BAD
 */
enum resp_step resp_scan(struct resp_scan *s, const char *p, size_t n, bool fetch, size_t *used);

/** Returns the length of the status reply ("+OK" CR LF) that stands at p; 0: none does, or not all
 * of it. n: at least 1. */
size_t resp_status(const char *p, size_t n);

/** Returns whether the next byte is one of the fetched bulk's s->left. */
bool resp_in_body(const struct resp_scan *s);

/** Appends a command of argc words, of len[i] bytes each. Returns 0, or TG_ENOMEM with out
 * unchanged. */
int resp_write(struct evbuffer *out, int argc, const char *const argv[], const size_t len[]);
/** Appends SET key value PX px_ms. n: the key's length. value is moved, and empty afterwards.
 * Returns 0, or TG_ENOMEM with both unchanged. */
int resp_write_set(
	struct evbuffer *out, const char *key, size_t n, struct evbuffer *value, uint64_t px_ms);

#endif
