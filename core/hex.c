/*
 * hex.c: see hex.h. Not in constant time: what passes here is public (ids, digests, tags). Runs in
 * every process, the library and the command line.
 */
#include <timeglas/errors.h>
#include "core/hex.h"

/* The value of a digit of either case, -1 for any other character. */
static int nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int tg_hex_decode(const char *s, size_t n, uint8_t *out, size_t out_len)
{
	if (n % 2 != 0 || n / 2 != out_len)
		return TG_EINVAL;
	for (size_t i = 0; i < out_len; i++) {
		int hi = nibble(s[2 * i]), lo = nibble(s[2 * i + 1]);
		if (hi < 0 || lo < 0)
			return TG_EINVAL;
		out[i] = (uint8_t)(hi << 4 | lo);
	}
	return 0;
}

char *tg_hex_encode(const uint8_t *p, size_t n, char *out)
{
	static const char abc[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		out[2 * i] = abc[p[i] >> 4];
		out[2 * i + 1] = abc[p[i] & 15];
	}
	out[2 * n] = '\0';
	return out;
}

int tg_hex_is_lower(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!((s[i] >= '0' && s[i] <= '9') || (s[i] >= 'a' && s[i] <= 'f')))
			return 0;
	return 1;
}
