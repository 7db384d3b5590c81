/*
 * httpd_req.h: one request, for who handles it. Its content is streamed with back-pressure; its
 * answer is httpd_reply.h's. All calls may be made from any callback.
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
	/* Content. Takes what it can from data; what is left counts against the window. Pieces may
	 * wait until they are worth a call (BUFFER_DELIVER_BYTES). */
	void (*on_body)(struct httpd_req *r, struct evbuffer *data, void *ctx);
	/* The whole content was delivered and taken. */
	void (*on_end)(struct httpd_req *r, void *ctx);
	/* The unsent answer became short after having been longer: httpd_reply_room() has grown. */
	void (*on_room)(struct httpd_req *r, void *ctx);
	/* ok: the whole answer was given, and at most BUFFER_OUT_LOW_BYTES of it are unsent (if it
	 * is revocable: it was acknowledged). Not ok: the client is gone, or this layer has refused
	 * the request (malformed or late content, no answer in time). */
	void (*on_done)(struct httpd_req *r, bool ok, void *ctx);
};

/** httpd_req_head(r): valid until on_done. */
const struct h1_head *httpd_req_head(const struct httpd_req *r);
/** httpd_req_peer(r): what on_peer said of the connection's client; a reload may replace it. */
void *httpd_req_peer(const struct httpd_req *r);
/** httpd_req_reply(r): its answer, as long as r. */
struct httpd_reply *httpd_req_reply(struct httpd_req *r);
/** httpd_req_age_us(r): since the request's first byte. */
uint64_t httpd_req_age_us(const struct httpd_req *r);
/** httpd_req_id(r): 16 hex digits, for the log and for the answer's Request-Id. Says nothing about
 * other requests. */
const char *httpd_req_id(const struct httpd_req *r);
/** httpd_req_label(r, call): static text for the log, e.g. "POST /v1/blobs". */
void httpd_req_label(struct httpd_req *r, const char *call);
const char *httpd_req_get_label(const struct httpd_req *r);

/** httpd_req_handle(r, h, ctx): h and ctx are borrowed until on_done. Call it in on_request. */
void httpd_req_handle(struct httpd_req *r, const struct httpd_handler *h, void *ctx);
/** httpd_req_pause(r, on): on: deliver no content for now. Off: deliver what waits, soon (never
 * from inside this call); a client that waits for "100 Continue" gets it before its first byte. */
void httpd_req_pause(struct httpd_req *r, bool on);
/** httpd_req_want(r, bytes): so much of the content is wanted in one piece next, if it comes so
 * fast; 0: it does not matter. */
void httpd_req_want(struct httpd_req *r, size_t bytes);
/** httpd_req_brief(r): the content is small: all of it has to come within another head_timeout_s,
 * however it drips. Otherwise 408. */
void httpd_req_brief(struct httpd_req *r);

#endif
