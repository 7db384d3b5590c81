/*
 * text.h: puts a text together, piece by piece, in a buffer of fixed size. For texts that every
 * request makes: snprintf() takes longer to read its format than to write them. What does not fit
 * is cut; a NUL always follows the text.
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stddef.h>
#include <stdint.h>

#define TEXT_NUM_MAX 20 /* characters of text_num() at most, the sign included */

struct text {
	char *begin, *at; /* at: where the NUL stands */
	char *end;        /* the last byte of the buffer, which only a NUL may take */
};

/** Returns an empty text in buf, which has cap bytes, at least 1; buf must outlive it. */
struct text text_in(char *buf, size_t cap);
/** Appends a string. */
void text_add(struct text *t, const char *s);
/** Appends n bytes, which hold no NUL. */
void text_add_n(struct text *t, const char *p, size_t n);
/** text_join(t, …): appends each of these strings. */
#define text_join(t, ...) \
	text_join_n((t), sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *), \
		(const char *const[]){__VA_ARGS__})
void text_join_n(struct text *t, size_t n, const char *const s[]);
/** Appends a number in decimal. */
void text_num(struct text *t, int64_t number);
/** Returns the length so far, without the NUL. */
size_t text_len(const struct text *t);
/** Copies s into buf, cut to cap - 1 bytes, with a NUL. cap is at least 1. */
void text_copy(char *buf, size_t cap, const char *s);

#endif
