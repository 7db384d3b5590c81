/* time.h: times as text (RFC 3339), and back. */
#ifndef TG_CORE_TIME_H
#define TG_CORE_TIME_H

#include <stddef.h>
#include <stdint.h>

#define TG_TIME_LEN 24 /* characters of "2026-11-22T12:00:00.123Z" */

/**
 * Writes Unix milliseconds as text in UTC, with three digits of the second's fraction. A time whose
 * year has not four digits is written as the nearest one that has. Returns out.
 */
char *tg_time_format(int64_t unix_ms, char out[TG_TIME_LEN + 1]);

/**
 * Reads such a text, or one without the fraction. A leap second (:60) is refused.
 *
 * @s  n characters, not NUL-terminated
 *
 * Returns 0 or TG_EINVAL.
 */
int tg_time_parse(const char *s, size_t n, int64_t *unix_ms);

#endif
