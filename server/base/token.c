/*
 * token.c: ids from the kernel's randomness. It remembers none: whether an id exists is the store's to say. Runs in every process.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sodium.h>

#include "base/random.h"
#include "base/token.h"

#define RANDOM_BYTES 16
#define B64_CHARS 22 /* of 16 bytes, without padding */

static const char hex_digits[] = "0123456789abcdef";

void token_make(unsigned shard, char out[TOKEN_LEN + 1])
{
	uint8_t r[RANDOM_BYTES];

	if (shard >= TOKEN_SHARDS)
		abort();
	random_fill(r, sizeof r);
	out[0] = hex_digits[shard >> 4];
	out[1] = hex_digits[shard & 15];
	sodium_bin2base64(out + 2, B64_CHARS + 1, r, sizeof r, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	sodium_memzero(r, sizeof r);
}

int token_shard(const char *s, size_t n)
{
	uint8_t r[RANDOM_BYTES];
	const char *hi, *lo;
	size_t got;
	int shard, ok;

	if (n != TOKEN_LEN || s[0] == '\0' || s[1] == '\0')
		return -1;
	hi = strchr(hex_digits, s[0]);
	lo = strchr(hex_digits, s[1]);
	if (hi == NULL || lo == NULL)
		return -1;
	shard = (int)((hi - hex_digits) << 4 | (lo - hex_digits));
	if (shard >= (int)TOKEN_SHARDS)
		return -1;
	/* Refuses what is not canonical, so that no two texts name one blob. */
	ok = sodium_base642bin(r, sizeof r, s + 2, B64_CHARS, NULL, &got, NULL, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	sodium_memzero(r, sizeof r);
	return ok == 0 && got == RANDOM_BYTES ? shard : -1;
}

unsigned token_any_shard(void)
{
	uint8_t r;

	_Static_assert(256 % TOKEN_SHARDS == 0, "each shard is as likely as any other");
	random_fill(&r, 1);
	return r % TOKEN_SHARDS;
}
