/*
 * httpd.h: one HTTP/1.1 connection on a stream: pipelining and keep-alive in order, request content
 * streamed with back-pressure, answers streamed likewise, limits and timeouts on everything. It
 * knows no Redis and no timeglas rule.
 *
 * Life of a request: on_request (head complete) → on_body* → on_end → the handler has replied →
 * next request. A reply given before the content has ended carries "Connection: close" and the
 * connection lingers: half-closed, what still comes is read and dropped, at a limited rate, until
 * the client closes, nothing comes for 1 s, or 10 s are over. The handler's context ends with
 * on_done, called exactly once: when the whole answer was given and at most 64 KiB of it are unsent
 * (ok; if it was held: when it was delivered), or when the client is gone or this layer has refused
 * (malformed or late content, no answer in time). After on_done the request is invalid to the
 * handler. Replies, aborts, drain and each_peer may be called from any callback, httpd_free() from
 * none.
 */
#ifndef HTTP_HTTPD_H
#define HTTP_HTTPD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <event2/buffer.h>
#include <openssl/ssl.h>
#include "http/h1.h"
#include "net/loop.h"

/* an answer is short when no more of it is unsent: on_room, and its request may end */
#define HTTPD_OUT_LOW_BYTES 65536u

/* of a caller's own header fields in one answer; with more the connection is closed */
#define HTTPD_FIELDS_MAX 512u
#define HTTPD_REQUEST_ID 16u /* characters */

struct httpd;     /* all connections of one worker */
struct httpd_req; /* one request */

struct httpd_limits {
	unsigned max_connections; /* of peers */
	unsigned max_unknown;     /* in their handshake, or no peer's; 0: 1024 */
	unsigned handshake_timeout_s, head_timeout_s, body_idle_s, send_idle_s, idle_timeout_s;
	unsigned handler_timeout_s; /* for an answer to a whole request; 0: 30 */
	unsigned linger_max_s;      /* in all, however much still comes; 0: 10 */
	size_t body_window_bytes;   /* content that may wait unread by the handler: 64 KiB */
	/* answer bytes that may wait: httpd_reply_room() is what is left of it; more than
	 * HTTPD_OUT_LOW_BYTES */
	size_t reply_window_bytes;
};

struct httpd_calls { /* what the layer above provides */
	/* A TLS handshake is complete: the peer's context for this connection's requests, or NULL:
	 * a stranger, whose one request gets 403 unknown-peer. */
	void *(*on_peer)(void *ctx, const uint8_t spki[32]);
	/* A head is complete. The callee sets handlers with httpd_req_handle() or replies at once.
	 */
	void (*on_request)(void *ctx, struct httpd_req *r);
	/* A request ended (also one refused by this layer, before on_request): for the log and the
	 * metrics. */
	void (*on_log)(void *ctx, struct httpd_req *r, int status, const char *slug,
		uint64_t in_bytes, uint64_t out_bytes, uint64_t duration_us);
};

struct httpd_handler { /* any member but on_done may be NULL */
	/* Takes what it can; what is left counts against the window. Pieces may wait until they are
	 * worth a call (4 KiB). */
	void (*on_body)(struct httpd_req *r, struct evbuffer *data, void *ctx);
	/* the whole content was delivered and taken */
	void (*on_end)(struct httpd_req *r, void *ctx);
	/* the unsent answer became short after having been longer */
	void (*on_room)(struct httpd_req *r, void *ctx);
	void (*on_done)(struct httpd_req *r, bool ok, void *ctx);
};

struct httpd *httpd_new(struct loop *l, SSL_CTX *tls, const struct httpd_limits *limits,
	const struct httpd_calls *calls, void *ctx);
/**
 * Replaces the TLS context (reload): new connections use it, and of those that there are each is
 * closed whose certificate it would not let in; before its next request, and in any case soon.
 *
 * @tls  takes a reference
 */
void httpd_set_tls(struct httpd *h, SSL_CTX *tls);
/** httpd_accept(h, fd): a fresh connection; the oldest that is no peer's goes for it where
 * max_unknown, or its address's share, is reached. Owns fd. */
void httpd_accept(struct httpd *h, int fd);
/** httpd_relieve(h): descriptors are short: closes the oldest connection that is no peer's. Returns
 * whether there was one. */
bool httpd_relieve(struct httpd *h);
size_t httpd_connections(const struct httpd *h);
/** httpd_drain(h): answers carry "Connection: close", idle connections are closed now (as after an
 * answer: half-closed, then for at most 1 s). */
void httpd_drain(struct httpd *h);
/** httpd_each_peer(h, keep, ctx): reload: keep(ctx, spki, peer) returns the new peer context, NULL
 * closes the connection at once. */
void httpd_each_peer(
	struct httpd *h, void *(*keep)(void *ctx, const uint8_t spki[32], void *peer), void *ctx);
void httpd_free(struct httpd *h);

/* The request -------------------------------------------------------------- */
const struct h1_head *httpd_req_head(const struct httpd_req *r); /* valid until on_done */
void *httpd_req_peer(const struct httpd_req *r);
/** httpd_req_age_us(r): since the request's first byte. */
uint64_t httpd_req_age_us(const struct httpd_req *r);
void httpd_req_handle(struct httpd_req *r, const struct httpd_handler *h, void *ctx);
/** httpd_req_pause(r, on): deliver no content for now. Off: deliver what waits, soon (never from
 * inside this call). */
void httpd_req_pause(struct httpd_req *r, bool on);
/** httpd_req_want(r, bytes): so much of the content is wanted in one piece next, if it comes so
 * fast; 0: it does not matter. */
void httpd_req_want(struct httpd_req *r, size_t bytes);
/** httpd_req_brief(r): the content is small: all of it has to come within another head_timeout_s,
 * however it drips. Otherwise 408. */
void httpd_req_brief(struct httpd_req *r);
/** httpd_req_continue(r): send "100 Continue" if the client waits for it. Sent by itself before the
 * first on_body unless paused. */
void httpd_req_continue(struct httpd_req *r);
/** httpd_req_label(r, call): static text for the log, e.g. "POST /v1/blobs". */
void httpd_req_label(struct httpd_req *r, const char *call);
/** httpd_req_id(r): 16 hex digits, for the log and for the answer's Request-Id. Says nothing about
 * other requests. */
const char *httpd_req_id(const struct httpd_req *r);
const char *httpd_req_get_label(const struct httpd_req *r);

/* The answer --------------------------------------------------------------- */
/** httpd_reply(r, status, fields, type, body, n): whole answer. fields: further "Name: value\r\n"
 * lines, HTTPD_FIELDS_MAX bytes at most, or NULL. HEAD: no content is sent. */
void httpd_reply(struct httpd_req *r, int status, const char *fields, const char *type,
	const void *body, size_t n);
/** httpd_reply_begin(r, status, fields, type, length): head of a streamed answer; exactly length
 * bytes follow. */
void httpd_reply_begin(
	struct httpd_req *r, int status, const char *fields, const char *type, uint64_t length);
/** httpd_reply_data(r, data): moves all of data out (HEAD: drops it). The answer ends by itself
 * when length bytes have been given. */
void httpd_reply_data(struct httpd_req *r, struct evbuffer *data);
size_t httpd_reply_room(const struct httpd_req *r);
/**
 * Keeps an answer revocable until the peer's kernel has acknowledged all of it. Call it before the
 * first byte of content.
 *
 * on_done comes then, and no earlier; the connection goes on with its next requests meanwhile, and
 * the request stays valid for the calls below. If nothing of it is acknowledged for send_idle_s,
 * the connection is reset. It is looked at once a second.
 */
void httpd_reply_hold(struct httpd_req *r);
/** httpd_reply_delivered(r): has the peer's kernel acknowledged all of a held answer? Then on_done
 * was called, and r is gone. */
bool httpd_reply_delivered(struct httpd_req *r);
/**
 * Takes a held answer back: the content has ended meanwhile. The connection is reset, and neither
 * what is here nor what the kernel has still to send reaches the peer. What was delivered stays so:
 * then only on_done is called.
 */
void httpd_reply_revoke(struct httpd_req *r);
/** httpd_reply_abort(r): the answer cannot be completed: close the connection at once (on_done ok =
 * false). */
void httpd_reply_abort(struct httpd_req *r);
/**
 * httpd_problem(r, code, detail, fields, members): fields: as httpd_reply()'s. RFC 9457 from the
 * error table; detail: a sentence that says what to do; members: further JSON members
 * (",\"cause\":\"expired\"") or NULL. A retryable code carries Retry-After.
 */
void httpd_problem(
	struct httpd_req *r, int code, const char *detail, const char *fields, const char *members);

/** httpd_reason(status): the reason phrase (RFC 9110); "" for a status that is not used here. */
const char *httpd_reason(int status);

#endif
