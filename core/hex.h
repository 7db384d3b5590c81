/* hex.h: bytes as hexadecimal digits. */
#ifndef TG_CORE_HEX_H
#define TG_CORE_HEX_H

#include <stddef.h>
#include <stdint.h>

/**
 * Decodes digits of either case.
 *
 * @s  n digits, not NUL-terminated; n must be 2 * out_len
 *
 * Returns 0 or TG_EINVAL; then what out holds is undefined.
 */
int tg_hex_decode(const char *s, size_t n, uint8_t *out, size_t out_len);

/**
 * Encodes n bytes in lower case.
 *
 * @out  takes 2n + 1 characters, the NUL included
 *
 * Returns out.
 */
char *tg_hex_encode(const uint8_t *p, size_t n, char *out);

/** Returns 1 when all n characters are digits 0-9 or a-f; 1 also for none. */
int tg_hex_is_lower(const char *s, size_t n);

#endif
