/*
 * jsonw.h: writes one JSON text (RFC 8259), member by member, into memory that grows. It sets
 * commas and escapes strings; brackets are the caller's to match. A failed allocation is
 * remembered, and jsonw_text() then returns NULL, so the calls between need no check.
 *
 * In all calls a key NULL writes an element of an array, or the text itself.
 */
#ifndef BASE_JSONW_H
#define BASE_JSONW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct jsonw { /* zeroed before the first use; jsonw_free() after the last */
	char *p;
	size_t n, cap;
	bool comma;  /* the next member needs one before it */
	bool failed; /* memory ran out */
};

/** Begins an object ('{') or an array ('['). */
void jsonw_open(struct jsonw *w, const char *key, char bracket);
/** Ends it: '}' or ']'. */
void jsonw_close(struct jsonw *w, char bracket);
/** Writes a string; null for NULL and "". value: UTF-8, which is not checked. */
void jsonw_str(struct jsonw *w, const char *key, const char *value);
void jsonw_u64(struct jsonw *w, const char *key, uint64_t value);
void jsonw_bool(struct jsonw *w, const char *key, bool value);
/** Writes a time as RFC 3339 has it, in UTC with milliseconds. */
void jsonw_time(struct jsonw *w, const char *key, int64_t unix_ms);
/** Returns the text so far, NUL-terminated and owned by w, and its length in *n; or NULL when
 * memory ran out or nothing was written. */
const char *jsonw_text(const struct jsonw *w, size_t *n);
/** Frees the text; w can be used anew. */
void jsonw_free(struct jsonw *w);

#endif
