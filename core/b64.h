/*
 * b64.h: base64 (RFC 4648). Canonical only: unused bits are zero, length mod 4 is never 1. No
 * blanks, no line breaks.
 */
#ifndef TG_CORE_B64_H
#define TG_CORE_B64_H

#include <stddef.h>
#include <stdint.h>

enum tg_b64 {
	TG_B64_STD,   /* standard alphabet, padding required (RFC 9530 digests) */
	TG_B64_NOPAD, /* standard alphabet, no padding (age) */
	TG_B64_URL    /* URL-safe alphabet, no padding (ids) */
};
#define TG_B64_LEN(n) (((n) + 2) / 3 * 4) /* characters for n bytes, padding included */

/**
 * Encodes n bytes.
 *
 * @v    the alphabet, and whether there is padding
 * @out  takes TG_B64_LEN(n) + 1 characters, the NUL included
 *
 * Returns the length without the NUL.
 */
size_t tg_b64_encode(enum tg_b64 v, const uint8_t *p, size_t n, char *out);

/**
 * Decodes n characters, which need no NUL.
 *
 * @cap  bytes that out holds
 *
 * Returns how many bytes were decoded, or TG_EINVAL for any text that tg_b64_encode() does not
 * produce, and when cap is too small. Then what out holds is undefined.
 */
long tg_b64_decode(enum tg_b64 v, const char *s, size_t n, uint8_t *out, size_t cap);

#endif
