/*
 * httpd_reply.h: the answer to one request (httpd_req_reply()). It goes into the connection's
 * output, and leaves at the end of the loop's turn. A call that would begin an answer does nothing
 * when one has begun; no call does anything when the connection is over.
 */
#ifndef HTTP_HTTPD_REPLY_H
#define HTTP_HTTPD_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <event2/buffer.h>

/* of a caller's own header fields in one answer; with more the connection is closed */
#define HTTPD_REPLY_FIELDS_MAX 512u

struct httpd_reply;

/**
 * Gives a whole answer.
 *
 * @fields  further "Name: value\r\n" lines, HTTPD_REPLY_FIELDS_MAX bytes at most, or NULL
 * @type    the Content-Type, or NULL
 * @body    n bytes, copied; not sent to a HEAD request
 */
void httpd_reply(struct httpd_reply *rep, int status, const char *fields, const char *type,
	const void *body, size_t n);
/** Gives the head of an answer. Exactly length bytes of content have to follow. The other arguments
 * are httpd_reply()'s. */
void httpd_reply_begin(
	struct httpd_reply *rep, int status, const char *fields, const char *type, uint64_t length);
/** Gives content: moves all of data into the answer (to a HEAD request: drops it). The answer is
 * complete when length bytes were given; with more than that the connection is closed. */
void httpd_reply_data(struct httpd_reply *rep, struct evbuffer *data);
/** The same, of n bytes at p, which are copied. */
void httpd_reply_copy(struct httpd_reply *rep, const void *p, size_t n);
/** Returns how many bytes of content the connection takes now: what is left of reply_window_bytes.
 * The handler's on_room says when there is more. */
size_t httpd_reply_room(const struct httpd_reply *rep);

/**
 * Keeps an answer revocable until the peer's kernel has acknowledged all of it. Call it before the
 * first byte of content.
 *
 * The handler's on_done comes then, and no earlier. Meanwhile the connection goes on with its next
 * requests, and the request stays valid for the two calls below. If nothing of the answer is
 * acknowledged for send_idle_s, the connection is reset. The kernel is asked once a second, and
 * when several answers wait.
 */
void httpd_reply_set_revocable(struct httpd_reply *rep);
/** Returns whether the peer's kernel has acknowledged all of a revocable answer. If so, on_done was
 * called, and the request is gone. A system call. */
bool httpd_reply_is_acked(struct httpd_reply *rep);
/**
 * Takes a revocable answer back, as its content must not be delivered any more. The connection is
 * reset, and what is here or in this machine's kernel does not reach the peer. If all of the answer
 * was acknowledged already, only on_done is called.
 */
void httpd_reply_revoke(struct httpd_reply *rep);
/** Closes the connection at once, as the answer cannot be completed. on_done comes with ok false.
 */
void httpd_reply_abort(struct httpd_reply *rep);

#endif
