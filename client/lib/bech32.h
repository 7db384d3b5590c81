/* bech32.h: Bech32 (BIP 173) in the form in which age writes keys: without the limit of 90
 * characters, and in one case throughout. hrp is the part in front of the last "1"; its case is the
 * whole text's. */
#ifndef TG_LIB_BECH32_H
#define TG_LIB_BECH32_H

#include <stddef.h>
#include <stdint.h>

#define TG_BECH32_LEN(hrp_len, n) ((hrp_len) + 1 + ((n)*8 + 4) / 5 + 6)

/**
 * Encodes n bytes.
 *
 * @cap  of out: at least TG_BECH32_LEN + 1, for the NUL
 *
 * Returns 0, or TG_EINVAL when cap is too small.
 */
int tg_bech32_encode(const char *hrp, const uint8_t *p, size_t n, char *out, size_t cap);

/**
 * Decodes a text of n characters that has exactly this hrp and stands for exactly out_len bytes.
 *
 * Returns 0, or TG_EKEY with out wiped.
 */
int tg_bech32_decode(const char *hrp, const char *s, size_t n, uint8_t *out, size_t out_len);

#endif
