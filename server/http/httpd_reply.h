/*
 * httpd_reply.h: the answer to one request (httpd_req_reply()). It goes into the connection's
 * output, and leaves at the end of the loop's turn. All calls are harmless when the answer has
 * begun already, where they would begin it, and when the connection is over.
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
/** httpd_reply_begin(rep, status, fields, type, length): the head of an answer; exactly length
 * bytes of content follow. */
void httpd_reply_begin(
	struct httpd_reply *rep, int status, const char *fields, const char *type, uint64_t length);
/** httpd_reply_data(rep, data): moves all of data out (HEAD: drops it). The answer ends by itself
 * when length bytes were given; with more than that the connection is closed. */
void httpd_reply_data(struct httpd_reply *rep, struct evbuffer *data);
/** httpd_reply_copy(rep, p, n): the same, of n bytes in memory. */
void httpd_reply_copy(struct httpd_reply *rep, const void *p, size_t n);
/** httpd_reply_room(rep): bytes of content that the connection takes now: what is left of its
 * window. The handler's on_room says when there is more. */
size_t httpd_reply_room(const struct httpd_reply *rep);

/**
 * Keeps an answer revocable until the peer's kernel has acknowledged all of it. Call it before the
 * first byte of content.
 *
 * The handler's on_done comes then, and no earlier; the connection goes on with its next requests
 * meanwhile, and the request stays valid for the two calls below. If nothing of the answer is
 * acknowledged for send_idle_s, the connection is reset. The kernel is asked once a second, and
 * when several answers wait; an ordinary request pays nothing.
 */
void httpd_reply_set_revocable(struct httpd_reply *rep);
/** httpd_reply_is_acked(rep): has the peer's kernel acknowledged all of a revocable answer? Then
 * on_done was called, and the request is gone. A system call. */
bool httpd_reply_is_acked(struct httpd_reply *rep);
/**
 * Takes a revocable answer back: the content has ended meanwhile. The connection is reset, and
 * neither what is here nor what the kernel has still to send reaches the peer. What was
 * acknowledged stays so: then only on_done is called.
 */
void httpd_reply_revoke(struct httpd_reply *rep);
/** httpd_reply_abort(rep): the answer cannot be completed: the connection is closed at once
 * (on_done ok = false). */
void httpd_reply_abort(struct httpd_reply *rep);

#endif
