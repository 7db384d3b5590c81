/* suggest.h: one of several names, and a hint for messages about one that is not known. Pure. */
#ifndef CONF_SUGGEST_H
#define CONF_SUGGEST_H

#include <stddef.h>

/**
 * Writes "did you mean 'listen'?" when one of n names is near, otherwise "known here: a, b, c".
 *
 * @word  what stands there instead of a name
 * @out   receives the hint, cut to cap bytes with the NUL; n > 0
 *
 * Returns out.
 */
const char *suggest(const char *word, const char *const known[], size_t n, char *out, size_t cap);

/**
 * Looks a name up.
 *
 * @what  what the names are of, for the message
 * @why   receives "no WHAT 'WORD'; HINT" when it is none of them; cap bytes
 *
 * Returns its index in known, or -1.
 */
int suggest_choose(const char *what, const char *word, const char *const known[], size_t n,
	char *why, size_t cap);

#endif
