/* bech32.h: Bech32 (BIP 173) as age writes keys with it: no limit of 90 characters, one case
 * throughout. */
#ifndef TG_LIB_BECH32_H
#define TG_LIB_BECH32_H

#include <stddef.h>
#include <stdint.h>

#define TG_BECH32_LEN(hrp_len, n) ((hrp_len) + 1 + ((n)*8 + 4) / 5 + 6)

/**
 * tg_bech32_encode(hrp, p, n, out, cap): "hrp1…", in upper case when hrp is. out takes
 * TG_BECH32_LEN + 1. Returns 0, or TG_EINVAL when cap is too small.
 */
int tg_bech32_encode(const char *hrp, const uint8_t *p, size_t n, char *out, size_t cap);
/**
 * tg_bech32_decode(hrp, s, n, out, out_len): exactly out_len bytes under exactly that hrp, in its
 * case. Returns 0 or TG_EKEY. out is wiped on failure.
 */
int tg_bech32_decode(const char *hrp, const char *s, size_t n, uint8_t *out, size_t out_len);

#endif
