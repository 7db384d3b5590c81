/* suggest.h: for error messages: which known name did somebody mean? */
#ifndef CONF_SUGGEST_H
#define CONF_SUGGEST_H

#include <stddef.h>

/**
 * suggest(word, known, n, out, cap): "did you mean 'listen'?" when a name is near, else "known
 * here: a, b, c". Returns out.
 */
const char *suggest(const char *word, const char *const known[], size_t n, char *out, size_t cap);

#endif
