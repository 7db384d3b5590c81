/* token.c: see token.h. It remembers no id: the store knows which exist. Runs in every process. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sodium.h>

#include "base/random.h"
#include "base/token.h"
#include "core/b64.h"
#include "core/bug.h"
#include "core/hex.h"
#include "core/sha256.h"

#define RANDOM_BYTES 16
#define EVIDENCE "timeglas evidence 1\n"

void token_make(unsigned shard, char out[TOKEN_LEN + 1])
{
	uint8_t r[RANDOM_BYTES];

	if (shard >= TOKEN_SHARDS)
		tg_bug("token", "made for a shard that is not there");
	random_fill(r, sizeof r);
	tg_hex_byte((uint8_t)shard, out);
	(void)tg_b64_encode(TG_B64_URL, r, sizeof r, out + 2);
	sodium_memzero(r, sizeof r);
}

/* Returns the first byte of a well-formed name, otherwise -1. */
static int name_first(const char *name)
{
	uint8_t r[RANDOM_BYTES];
	long got = tg_b64_decode(TG_B64_URL, name, TOKEN_NAME_LEN, r, sizeof r);
	int first = got == RANDOM_BYTES ? r[0] : -1;

	sodium_memzero(r, sizeof r);
	return first;
}

int token_name_shard(const char *name, size_t n)
{
	int first = n == TOKEN_NAME_LEN ? name_first(name) : -1;

	return first < 0 ? -1 : first % (int)TOKEN_SHARDS;
}

void token_named(unsigned shard, const char name[TOKEN_NAME_LEN + 1], char out[TOKEN_LEN + 1])
{
	if (shard >= TOKEN_SHARDS)
		tg_bug("token", "named in a shard that is not there");
	tg_hex_byte((uint8_t)shard, out);
	memcpy(out + 2, name, TOKEN_NAME_LEN);
	out[TOKEN_LEN] = '\0';
}

int token_shard(const char *s, size_t n)
{
	uint8_t shard;

	if (n != TOKEN_LEN || !tg_hex_is_lower(s, 2) ||
		tg_hex_decode(s, 2, &shard, sizeof shard) != 0)
		return -1;
	return shard < TOKEN_SHARDS && name_first(s + 2) >= 0 ? shard : -1;
}

void token_tag(const char id[TOKEN_LEN + 1], char out[TOKEN_TAG_LEN + 1])
{
	static struct sha256 *sha; /* kept for the life of the process */
	uint8_t sum[SHA256_BYTES];

	if (sha == NULL)
		sha = sha256_new();
	if (sha == NULL)
		tg_bug("token", "no memory for a hash");
	sha256_of(sha, EVIDENCE, sizeof EVIDENCE - 1, id, TOKEN_LEN, sum);
	tg_hex_encode(sum, TOKEN_TAG_LEN / 2, out);
}

unsigned token_any_shard(void)
{
	uint8_t r;

	_Static_assert(256 % TOKEN_SHARDS == 0, "each shard is as likely as any other");
	random_fill(&r, 1);
	return r % TOKEN_SHARDS;
}
