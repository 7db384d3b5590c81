/*
 * name.c: derives the name that binds a blob's id to what was sealed (docs/envelope.md, section 3),
 * and checks ids. It uses public keys only. No I/O. Runs in the library.
 */
#include <sodium.h>
#include <string.h>
#include "core/b64.h"
#include "core/hex.h"
#include "lib/keys.h"

#define NAME_PREFIX "timeglas blob id 1\n"
#define NAME_BYTES 16
#define SHARDS 64

void tg_name_of(
	const tg_sender *sender, const uint8_t ref[TG_REF_BYTES], char out[TG_NAME_CHARS + 1])
{
	uint8_t hash[crypto_hash_sha256_BYTES];
	crypto_hash_sha256_state h;

	crypto_hash_sha256_init(&h);
	crypto_hash_sha256_update(&h, (const uint8_t *)NAME_PREFIX, strlen(NAME_PREFIX));
	crypto_hash_sha256_update(&h, sender->pk, sizeof sender->pk);
	crypto_hash_sha256_update(&h, ref, TG_REF_BYTES);
	crypto_hash_sha256_final(&h, hash);
	(void)tg_b64_encode(TG_B64_URL, hash, NAME_BYTES, out);
}

int tg_id_name(const char *id, char out[TG_NAME_CHARS + 1])
{
	uint8_t raw[NAME_BYTES];
	uint8_t shard;

	if (strnlen(id, TG_ID_CHARS + 1) != TG_ID_CHARS)
		return TG_EINVAL;
	if (!tg_hex_is_lower(id, 2) || tg_hex_decode(id, 2, &shard, 1) != 0)
		return TG_EINVAL;
	id += TG_ID_CHARS - TG_NAME_CHARS;
	/* Canonical only: of the last character's six bits, four must be zero. */
	if (shard >= SHARDS ||
		tg_b64_decode(TG_B64_URL, id, TG_NAME_CHARS, raw, sizeof raw) != NAME_BYTES)
		return TG_EINVAL;
	if (out)
		memcpy(out, id, TG_NAME_CHARS + 1);
	return 0;
}
