/*
 * httpd_req.h: one request, as its handler sees it. Its content is streamed with back-pressure; its
 * answer is given by httpd_reply.h. Every function may be called from any callback.
 */
#ifndef HTTP_HTTPD_REQ_H
#define HTTP_HTTPD_REQ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <event2/buffer.h>

#include "http/h1.h"
#include "http/httpd_reply.h"

#define HTTPD_REQ_ID_CHARS 16u

struct httpd_req;

/*
 * What a handler does with a request: on_body*, on_end, then on_done, which is called exactly once
 * and last: afterwards the request is invalid. Any member but on_done may be NULL.
 */
struct httpd_handler {
	/* Content is here. The callee takes from data what it can; what it leaves counts against
	 * body_window_bytes. Small pieces may wait for more (buffer_policy_deliver()). */
	void (*on_body)(struct httpd_req *r, struct evbuffer *data, void *ctx);
	/* The whole content was delivered and taken. */
	void (*on_end)(struct httpd_req *r, void *ctx);
	/* The unsent answer has fallen to BUFFER_OUT_LOW_BYTES: httpd_reply_room() has grown. */
	void (*on_room)(struct httpd_req *r, void *ctx);
	/* ok: the whole answer was given, and at most BUFFER_OUT_LOW_BYTES of it are unsent (if it
	 * is revocable: it was acknowledged). Not ok: the client is gone, or this layer has refused
	 * the request (malformed or late content, no answer in time). */
	void (*on_done)(struct httpd_req *r, bool ok, void *ctx);
};

/** Returns the parsed head, valid until on_done. */
const struct h1_head *httpd_req_head(const struct httpd_req *r);
/** Returns what on_peer returned for the connection's client; a reload may replace it. */
void *httpd_req_peer(const struct httpd_req *r);
/** Returns the request's answer, which lives as long as r. */
struct httpd_reply *httpd_req_reply(struct httpd_req *r);
/** Returns the microseconds since the request's first byte. */
uint64_t httpd_req_age_us(const struct httpd_req *r);
/** Returns the request's id: 16 hex digits, for the log and the answer's Request-Id, which say
 * nothing about other requests. */
const char *httpd_req_id(const struct httpd_req *r);
/** Sets the name of the call for the log, such as "POST /v1/blobs"; static. */
void httpd_req_label(struct httpd_req *r, const char *call);
/** Returns that name; NULL: none was set. */
const char *httpd_req_get_label(const struct httpd_req *r);

/** Sets the handler. To be called in on_request. h and ctx are borrowed until on_done. */
void httpd_req_handle(struct httpd_req *r, const struct httpd_handler *h, void *ctx);
/**
 * Stops or resumes the delivery of content.
 *
 * @on  true: on_body is not called, and nothing more is read; false: what waits is delivered soon,
 *      never before return. A client that waits for "100 Continue" gets it first
 */
void httpd_req_pause(struct httpd_req *r, bool on);
/** Says how many bytes of content the handler would like in one piece next, if they come so fast;
 * 0: it does not matter. */
void httpd_req_want(struct httpd_req *r, size_t bytes);
/** Gives the content, which is small, another head_timeout_s to come whole. Otherwise the request
 * is refused with 408. */
void httpd_req_brief(struct httpd_req *r);

#endif
