/*
 * b64.c: base64 (RFC 4648 sections 4 and 5), canonical only. Not constant-time: what passes here is
 * public text (stanzas, digests, ids), never a key. Runs in every process, the library and the
 * command line.
 */
#include <string.h>
#include <timeglas/errors.h>
#include "core/b64.h"

static const char STD[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char URL[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

size_t tg_b64_encode(enum tg_b64 v, const uint8_t *p, size_t n, char *out)
{
	const char *abc = v == TG_B64_URL ? URL : STD;
	char *o = out;
	size_t i = 0;

	for (; n - i >= 3; i += 3) {
		uint32_t w = (uint32_t)p[i] << 16 | (uint32_t)p[i + 1] << 8 | p[i + 2];
		*o++ = abc[w >> 18];
		*o++ = abc[w >> 12 & 63];
		*o++ = abc[w >> 6 & 63];
		*o++ = abc[w & 63];
	}
	if (i < n) {
		uint32_t w = (uint32_t)p[i] << 16 | (n - i == 2 ? (uint32_t)p[i + 1] << 8 : 0);
		*o++ = abc[w >> 18];
		*o++ = abc[w >> 12 & 63];
		if (n - i == 2)
			*o++ = abc[w >> 6 & 63];
		for (size_t pad = n - i; v == TG_B64_STD && pad < 3; pad++)
			*o++ = '=';
	}
	*o = '\0';
	return (size_t)(o - out);
}

#define URL_ONLY 0x80u
#define STD_ONLY 0x40u
#define NO (URL_ONLY | STD_ONLY)

/* Of each ASCII character: the six bits that it stands for; with a mark when it belongs to one of
 * the two alphabets only, and with both marks when it belongs to none. */
static const uint8_t value[128] = {NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO,
	NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO,
	NO, NO, NO, NO, STD_ONLY | 62, NO, URL_ONLY | 62, NO, STD_ONLY | 63, 52, 53, 54, 55, 56, 57,
	58, 59, 60, 61, NO, NO, NO, NO, NO, NO, NO, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13,
	14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, NO, NO, NO, NO, URL_ONLY | 63, NO, 26, 27,
	28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50,
	51, NO, NO, NO, NO, NO};

/* Returns the length without the padding, which is exactly what fills the last group, or
 * TG_EINVAL. */
static long unpad(const char *s, size_t n)
{
	if (n % 4 != 0)
		return TG_EINVAL;
	if (n > 0 && s[n - 1] == '=')
		n -= s[n - 2] == '=' ? 2 : 1;
	return (long)n;
}

long tg_b64_decode(enum tg_b64 v, const char *s, size_t n, uint8_t *out, size_t cap)
{
	uint32_t acc = 0;
	/* bad is looked at once, at the end: a branch for each digit would cost more */
	unsigned bits = 0, bad = 0;
	size_t o = 0;

	if (v == TG_B64_STD) {
		long m = unpad(s, n);
		if (m < 0)
			return TG_EINVAL;
		n = (size_t)m;
	}
	if (n % 4 == 1 || n / 4 * 3 + (n % 4 ? n % 4 - 1 : 0) > cap)
		return TG_EINVAL;
	for (size_t i = 0; i < n; i++) {
		uint8_t c = (uint8_t)s[i], d = c < sizeof value ? value[c] : NO;
		bad |= d;
		acc = acc << 6 | (d & 63u);
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			out[o++] = (uint8_t)(acc >> bits);
			acc &= (1u << bits) - 1;
		}
	}
	/* Unused bits must be zero, so that the same bytes have one spelling only. */
	return acc == 0 && (bad & (v == TG_B64_URL ? STD_ONLY : URL_ONLY)) == 0 ? (long)o :
										  TG_EINVAL;
}
