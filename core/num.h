/*
 * num.h: strict numbers, hex, times and names, for everything that a peer or a person types. No
 * locale, no sign, no blanks.
 */
#ifndef TG_CORE_NUM_H
#define TG_CORE_NUM_H

#include <stddef.h>
#include <stdint.h>

/** tg_num_u64(s, n, max, out): 1*DIGIT, at most max, no leading '+' or blanks. Returns 0 or
 * TG_EINVAL. */
int tg_num_u64(const char *s, size_t n, uint64_t max, uint64_t *out);
/** tg_num_size(s, n, max, out): like tg_num_u64 with an optional suffix k, m, g or KiB, MiB, GiB
 * (powers of 1024). */
int tg_num_size(const char *s, size_t n, uint64_t max, uint64_t *out);
/**
 * tg_num_duration(s, n, max, out): seconds, as a number alone or with a unit: `90`, `90s`, `15m`,
 * `1h`, `1d`; at most max seconds. Returns 0 or TG_EINVAL.
 */
int tg_num_duration(const char *s, size_t n, uint64_t max, uint64_t *out);
/** tg_hex_decode(s, n, out, out_len): exactly out_len bytes of lower- or upper-case hex. Returns 0
 * or TG_EINVAL. */
int tg_hex_decode(const char *s, size_t n, uint8_t *out, size_t out_len);
/** tg_hex_encode(p, n, out): out takes 2n+1 characters. Lower case. Returns out. */
char *tg_hex_encode(const uint8_t *p, size_t n, char *out);
#define TG_TIME_LEN 24 /* characters of "2026-11-22T12:00:00.123Z" */
/** tg_time_format(ms, out): Unix milliseconds as RFC 3339 UTC with milliseconds. Returns out. */
char *tg_time_format(int64_t unix_ms, char out[TG_TIME_LEN + 1]);
/** tg_time_parse(s, n, out_ms): the inverse, also without a fraction. Returns 0 or TG_EINVAL. */
int tg_time_parse(const char *s, size_t n, int64_t *unix_ms);

#endif
