/*
 * bech32.c: Bech32 (BIP 173, not the later Bech32m), which age uses for the text of keys. Knows no
 * key types. Runs in the library.
 */
#include <string.h>
#include <timeglas/errors.h>
#include "lib/bech32.h"
#include "lib/secmem.h"

#define CHECKSUM 6u

static const char ABC[] = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";

static uint32_t poly_step(uint32_t chk, uint8_t v)
{
	static const uint32_t gen[] = {0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3};
	uint32_t top = chk >> 25;

	chk = (chk & 0x1ffffff) << 5 ^ v;
	for (unsigned i = 0; i < 5; i++)
		if (top >> i & 1)
			chk ^= gen[i];
	return chk;
}

static uint8_t lower(char c)
{
	return (uint8_t)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

static int is_upper(const char *hrp)
{
	return hrp[0] >= 'A' && hrp[0] <= 'Z';
}

static uint32_t poly_hrp(const char *hrp)
{
	uint32_t chk = 1;

	for (const char *c = hrp; *c; c++)
		chk = poly_step(chk, lower(*c) >> 5);
	chk = poly_step(chk, 0);
	for (const char *c = hrp; *c; c++)
		chk = poly_step(chk, lower(*c) & 31);
	return chk;
}

static char letter(const char *hrp, uint8_t v)
{
	char c = ABC[v];
	return (char)(is_upper(hrp) && c >= 'a' ? c - 'a' + 'A' : c);
}

int tg_bech32_encode(const char *hrp, const uint8_t *p, size_t n, char *out, size_t cap)
{
	size_t len = strlen(hrp), groups = (n * 8 + 4) / 5, at = 0;
	uint32_t chk = poly_hrp(hrp), acc = 0;
	unsigned bits = 0;

	if (cap < TG_BECH32_LEN(len, n) + 1)
		return TG_EINVAL;
	memcpy(out, hrp, len);
	out[len] = '1';
	out += len + 1;
	for (size_t i = 0; i < groups; i++) {
		uint8_t v;
		if (bits < 5) { /* the last group is filled up with zero bits */
			acc = acc << 8 | (at < n ? p[at] : 0);
			at++;
			bits += 8;
		}
		bits -= 5;
		v = acc >> bits & 31;
		acc &= (1u << bits) - 1;
		chk = poly_step(chk, v);
		*out++ = letter(hrp, v);
	}
	for (unsigned i = 0; i < CHECKSUM; i++)
		chk = poly_step(chk, 0);
	chk ^= 1;
	for (unsigned i = 0; i < CHECKSUM; i++)
		*out++ = letter(hrp, chk >> 5 * (CHECKSUM - 1 - i) & 31);
	*out = '\0';
	return 0;
}

static int value(const char *hrp, char c)
{
	const char *at;
	int up = c >= 'A' && c <= 'Z', low = c >= 'a' && c <= 'z';

	if (c == '\0' || (is_upper(hrp) ? low : up))
		return -1;
	at = strchr(ABC, lower(c));
	return at ? (int)(at - ABC) : -1;
}

static int decode_data(const char *hrp, const char *s, size_t n, uint8_t *out, size_t out_len)
{
	size_t len = strlen(hrp), o = 0;
	uint32_t chk = poly_hrp(hrp), acc = 0;
	unsigned bits = 0;

	if (n != TG_BECH32_LEN(len, out_len) || memcmp(s, hrp, len) != 0 || s[len] != '1')
		return TG_EKEY;
	for (size_t i = len + 1; i < n; i++) {
		int v = value(hrp, s[i]);
		if (v < 0)
			return TG_EKEY;
		chk = poly_step(chk, (uint8_t)v);
		if (i >= n - CHECKSUM)
			continue;
		acc = (acc << 5 | (uint32_t)v) & 0xfff;
		bits += 5;
		if (bits >= 8) {
			bits -= 8;
			out[o++] = (uint8_t)(acc >> bits);
			acc &= (1u << bits) - 1;
		}
	}
	return chk == 1 && acc == 0 && o == out_len ? 0 : TG_EKEY;
}

int tg_bech32_decode(const char *hrp, const char *s, size_t n, uint8_t *out, size_t out_len)
{
	int err = decode_data(hrp, s, n, out, out_len);

	if (err)
		tg_wipe(out, out_len);
	return err;
}
