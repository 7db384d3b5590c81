/*
 * hex.c: hexadecimal digits, for every process, the library and the command line. Most of what is
 * encoded is public (ids, digests, tags), but the recorder's seed and the password of the embedded
 * Redis are not. So neither way looks into a table or branches at a byte's value.
 */
#include <timeglas/errors.h>
#include "core/hex.h"

/* The lower 24 bits of "x - n >> 8" are ones when x is below n, and zeros when it is n to 255. */
int tg_hex_digit(char c)
{
	const uint32_t ch = (unsigned char)c;
	const uint32_t decimal = ch ^ '0', letter = (ch & ~0x20u) - ('A' - 10);
	const uint32_t is_decimal = (decimal - 10) >> 8;
	const uint32_t is_letter = ((letter - 10) ^ (letter - 16)) >> 8;
	const uint32_t value = (is_decimal & decimal) | (is_letter & letter);

	return (int)value | ((int)((is_decimal | is_letter) & 1) - 1);
}

int tg_hex_decode(const char *s, size_t n, uint8_t *out, size_t out_len)
{
	if (n % 2 != 0 || n / 2 != out_len)
		return TG_EINVAL;
	for (size_t i = 0; i < out_len; i++) {
		int hi = tg_hex_digit(s[2 * i]), lo = tg_hex_digit(s[2 * i + 1]);

		if ((hi | lo) < 0)
			return TG_EINVAL;
		out[i] = (uint8_t)(hi << 4 | lo);
	}
	return 0;
}

/* In ASCII 'a' does not follow '9': below 10 the gap between them is subtracted. */
static char digit(uint32_t v)
{
	return (char)('a' - 10 + v - (((v - 10) >> 8) & ('a' - 10 - '0')));
}

void tg_hex_byte(uint8_t v, char out[2])
{
	out[0] = digit(v >> 4);
	out[1] = digit(v & 15);
}

char *tg_hex_encode(const uint8_t *p, size_t n, char *out)
{
	for (size_t i = 0; i < n; i++)
		tg_hex_byte(p[i], out + 2 * i);
	out[2 * n] = '\0';
	return out;
}

int tg_hex_is_lower(const char *s, size_t n)
{
	unsigned bad = 0;

	for (size_t i = 0; i < n; i++) {
		unsigned char decimal = (unsigned char)(s[i] - '0'),
			      letter = (unsigned char)(s[i] - 'a');

		bad |= (unsigned)(decimal > 9) & (unsigned)(letter > 5);
	}
	return bad == 0;
}
