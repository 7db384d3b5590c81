/*
 * hex.c: hexadecimal digits, for every process, the library and the command line. Most of what is
 * encoded is public (ids, digests, tags), but the recorder's seed and the password of the embedded
 * Redis are not. So neither way looks into a table or branches at a byte's value.
 */
#include <endian.h>
#include <string.h>
#include <timeglas/errors.h>
#include "core/hex.h"

/* The lower 24 bits of "x - n >> 8" are ones when x is below n, and zeros when it is n to 255. */
static inline int value_of(char c)
{
	const uint32_t ch = (unsigned char)c;
	const uint32_t decimal = ch ^ '0', letter = (ch & ~0x20u) - ('A' - 10);
	const uint32_t is_decimal = (decimal - 10) >> 8;
	const uint32_t is_letter = ((letter - 10) ^ (letter - 16)) >> 8;
	const uint32_t value = (is_decimal & decimal) | (is_letter & letter);

	return (int)value | ((int)((is_decimal | is_letter) & 1) - 1);
}

int tg_hex_digit(char c)
{
	return value_of(c);
}

/* Eight digits side by side in one word. Added to a byte below 0x80, 0x80 - x sets its highest bit
 * when it is at least x, and never carries. Lines of evidence are full of digits. */
static inline int four_bytes(const char *s, uint8_t out[4])
{
	const uint64_t one = 0x0101010101010101u, top = one << 7;
	uint64_t x, small, decimal, letter, v;
	uint32_t four;

	memcpy(&x, s, sizeof x);
	x = le64toh(x);
	small = (x & ~top) | one << 5; /* letters are lower case, and digits what they were */
	decimal = ((x & ~top) + one * (0x80 - '0')) & ~((x & ~top) + one * (0x7f - '9')) & top;
	letter = (small + one * (0x80 - 'a')) & ~(small + one * (0x7f - 'f')) & top;
	v = (x & one * 15) + (letter >> 7) * 9;
	v = (v << 4 | v >> 8) & 0x00ff00ff00ff00ffu;
	v = (v | v >> 8) & 0x0000ffff0000ffffu;
	four = htole32((uint32_t)(v | v >> 16));
	memcpy(out, &four, sizeof four);
	return (decimal | letter) == top && (x & top) == 0;
}

int tg_hex_decode(const char *s, size_t n, uint8_t *out, size_t out_len)
{
	size_t i = 0;

	if (n % 2 != 0 || n / 2 != out_len)
		return TG_EINVAL;
	for (; i + 4 <= out_len; i += 4)
		if (!four_bytes(s + 2 * i, out + i))
			return TG_EINVAL;
	for (; i < out_len; i++) {
		int hi = value_of(s[2 * i]), lo = value_of(s[2 * i + 1]);

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

/* As in four_bytes(). */
static inline int eight_lower(const char *s)
{
	const uint64_t one = 0x0101010101010101u, top = one << 7;
	uint64_t x, low, decimal, letter;

	memcpy(&x, s, sizeof x);
	low = x & ~top;
	decimal = (low + one * (0x80 - '0')) & ~(low + one * (0x7f - '9'));
	letter = (low + one * (0x80 - 'a')) & ~(low + one * (0x7f - 'f'));
	return (((decimal | letter) & ~x) & top) == top;
}

int tg_hex_is_lower(const char *s, size_t n)
{
	unsigned bad = 0;
	size_t i = 0;

	for (; i + 8 <= n; i += 8)
		bad |= !eight_lower(s + i);
	for (; i < n; i++) {
		unsigned char decimal = (unsigned char)(s[i] - '0'),
			      letter = (unsigned char)(s[i] - 'a');

		bad |= (unsigned)(decimal > 9) & (unsigned)(letter > 5);
	}
	return bad == 0;
}
