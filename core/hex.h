/* hex.h: bytes as hexadecimal digits. */
#ifndef TG_CORE_HEX_H
#define TG_CORE_HEX_H

#include <stddef.h>
#include <stdint.h>

/**
 * Decodes digits of either case.
 *
 * @s    n characters; no NUL needs to follow
 * @out  takes out_len bytes, which must be n / 2
 *
 * Returns 0, or TG_EINVAL for another length or another character; out is undefined then.
 */
int tg_hex_decode(const char *s, size_t n, uint8_t *out, size_t out_len);

/** Returns the value of a digit of either case, or -1 for any other character. */
int tg_hex_digit(char c);

/**
 * Encodes n bytes in lower case.
 *
 * @p    n bytes; borrowed until return
 * @out  takes 2n + 1 characters, the NUL included
 *
 * Returns out.
 */
char *tg_hex_encode(const uint8_t *p, size_t n, char *out);

/** Encodes one byte as two digits in lower case, such as a shard in a key. Writes no NUL. */
void tg_hex_byte(uint8_t v, char out[2]);

/** Returns 1 when all n characters are digits 0-9 or a-f; 1 also for none. */
int tg_hex_is_lower(const char *s, size_t n);

#endif
