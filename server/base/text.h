/*
 * text.h: a text put together piece by piece in a buffer of fixed size: what every request makes
 * anew, for which a printf's reading of its format costs more than the text. What does not fit is
 * cut; there is always a NUL behind it.
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stddef.h>
#include <stdint.h>

#define TEXT_NUM_MAX 20 /* of text_num(), the sign included */

struct text {
	char *begin, *at, *end; /* end: the last byte of the buffer, which holds a NUL at most */
};

/** text_in(buf, cap): an empty text in buf; cap > 0 bytes with the NUL. */
struct text text_in(char *buf, size_t cap);
void text_add(struct text *t, const char *s);
/** text_join(t, …): all of these. */
#define text_join(t, ...) \
	text_join_n((t), sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *), \
		(const char *const[]){__VA_ARGS__})
void text_join_n(struct text *t, size_t n, const char *const s[]);
void text_add_n(struct text *t, const char *p, size_t n);
/** text_num(t, number): in decimal. */
void text_num(struct text *t, int64_t number);
/** text_len(t): without the NUL. */
size_t text_len(const struct text *t);
/** text_copy(buf, cap, s): s, cut to cap - 1 bytes. */
void text_copy(char *buf, size_t cap, const char *s);

#endif
