/* http_head.h: inside of the client's HTTP half: what the head of an answer may be. Not installed.
 */
#ifndef TG_LIB_HTTP_HEAD_H
#define TG_LIB_HTTP_HEAD_H

#include "lib/http.h"

#define HTTP_HEAD_BYTES (32u * 1024u) /* of all heads of one answer, interim ones too */
#define HTTP_HEAD_LINES 100u
#define HTTP_INTERIM_MAX 4u /* 100 Continue, so often */

/**
 * Judges one line of an answer's head; at the empty line that ends a final one, the whole of it:
 * status, framing, and whether the content is the one that was asked for (RFC 9110 sections 8 and
 * 14, RFC 9112 section 6). So nothing of the content is looked at before.
 *
 * @line  with its line end, not NUL-terminated
 * @n     its bytes
 *
 * Returns 0; TG_EPROTO or TG_ETOOBIG, with c->error.
 */
int http_head_line(struct tg_client *c, struct http_call *call, const char *line, size_t n);

#endif
