/*
 * h1_body.h: finds the end of an HTTP/1.1 request's content (RFC 9112, sections 6 and 7), by its
 * length or by chunks. Chunk extensions and trailers are refused. It does no I/O, allocates nothing
 * and copies no content.
 */
#ifndef HTTP_H1_BODY_H
#define HTTP_H1_BODY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "http/h1.h"

enum h1_body_state {
	H1_BODY_DATA,    /* content, of which `left` bytes follow */
	H1_BODY_SIZE,    /* a chunk's size, in hex */
	H1_BODY_SIZE_LF, /* the LF behind it */
	H1_BODY_DATA_CR, /* the CR and LF behind a chunk's content */
	H1_BODY_DATA_LF,
	H1_BODY_LAST_CR, /* the empty line behind the chunk of size 0 */
	H1_BODY_LAST_LF,
	H1_BODY_DONE,
	H1_BODY_BAD
};

struct h1_body {
	uint64_t left; /* bytes left of the content, or of the current chunk */
	enum h1_body_state state;
	uint8_t digits; /* of a chunk's size that were read */
	bool chunked;
};

enum h1_step {
	H1_NEED, /* all bytes were framing: more are needed */
	H1_DATA, /* content follows */
	H1_DONE, /* the content is complete */
	H1_BAD   /* malformed framing; so is all that follows */
};

/** Begins before the first byte of the content that h announces. */
void h1_body_init(struct h1_body *b, const struct h1_head *h);
/**
 * Looks at the next bytes.
 *
 * @p     n bytes, which follow those that were skipped and consumed before
 * @skip  set to the number of framing bytes in front, which the caller drops
 * @data  of H1_DATA: set to the number of content bytes (> 0) that follow them; the caller takes
 * any part of those, and says so by h1_body_consumed()
 */
enum h1_step h1_body_step(struct h1_body *b, const char *p, size_t n, size_t *skip, size_t *data);
/** Notes that k bytes of content, of those that h1_body_step() has counted, were taken. */
void h1_body_consumed(struct h1_body *b, size_t k);

#endif
