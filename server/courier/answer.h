/*
 * answer.h: the answer to a request, as a witness may give it: a head of HTTP/1.1 and a short
 * content, by its length or up to the end of the connection. No I/O. All else is refused: chunks,
 * 1xx, a head or a content that is too long.
 */
#ifndef COURIER_ANSWER_H
#define COURIER_ANSWER_H

#include <stdbool.h>
#include <stddef.h>

#define ANSWER_HEAD_MAX 8192u  /* bytes of the head, with its empty line */
#define ANSWER_BODY_MAX 16384u /* and of the content */

enum answer_state {
	ANSWER_MORE, /* so far nothing is wrong */
	ANSWER_WHOLE,
	ANSWER_BAD
};

struct answer {
	int status;       /* of ANSWER_WHOLE: 200..599 */
	const char *text; /* and the content: n bytes in what was read */
	size_t n;
	const char *why; /* of ANSWER_BAD: for people */
};

/**
 * Looks at what has come so far.
 *
 * @p     n bytes
 * @over  nothing more will come; then ANSWER_MORE is not returned
 */
enum answer_state answer_scan(const char *p, size_t n, bool over, struct answer *out);

#endif
