/*
 * jsonw.h: writes one JSON text, member by member, into memory that grows; for answers. Strings are
 * escaped (RFC 8259); commas are its own business. A failed allocation is remembered: jsonw_text()
 * then gives NULL.
 */
#ifndef BASE_JSONW_H
#define BASE_JSONW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct jsonw { /* zeroed before first use; jsonw_free() after the last */
	char *p;
	size_t n, cap;
	bool comma, failed;
};

/* key NULL: an element of an array, or the text itself */
void jsonw_open(struct jsonw *w, const char *key, char bracket);     /* '{' or '[' */
void jsonw_close(struct jsonw *w, char bracket);                     /* '}' or ']' */
void jsonw_str(struct jsonw *w, const char *key, const char *value); /* value NULL or "": null */
void jsonw_u64(struct jsonw *w, const char *key, uint64_t value);
void jsonw_bool(struct jsonw *w, const char *key, bool value);
/* RFC 3339 with milliseconds */
void jsonw_time(struct jsonw *w, const char *key, int64_t unix_ms);
/** jsonw_text(w, n): the text so far, NUL-terminated, owned by w; NULL when memory ran out. */
const char *jsonw_text(const struct jsonw *w, size_t *n);
void jsonw_free(struct jsonw *w);

#endif
