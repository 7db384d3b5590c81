/* num.h: numbers, sizes and durations that a peer or a person writes. No locale, no sign, no
 * blanks. Each function reads n characters at s, which need no NUL, and returns 0 or TG_EINVAL. */
#ifndef TG_CORE_NUM_H
#define TG_CORE_NUM_H

#include <stddef.h>
#include <stdint.h>

/** Reads decimal digits, at least one; leading zeros are fine. @max: the largest that is accepted.
 */
int tg_num_u64(const char *s, size_t n, uint64_t max, uint64_t *out);

/** Reads the same with an optional suffix k, m, g or KiB, MiB, GiB (powers of 1024); max holds for
 * the product. */
int tg_num_size(const char *s, size_t n, uint64_t max, uint64_t *out);

/** Reads a duration in seconds, as a number alone or with a unit: `90`, `90s`, `15m`, `1h`, `1d`;
 * at most max seconds. */
int tg_num_duration(const char *s, size_t n, uint64_t max, uint64_t *out);

#endif
