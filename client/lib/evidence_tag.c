/* evidence_tag.c: see evidence_tag.h. Runs in the library. */
#include <sodium.h>
#include <stdint.h>
#include <string.h>
#include "core/hex.h"
#include "lib/evidence_tag.h"

#define TAG "timeglas evidence 1\n"

void evidence_tag(const char *id, char out[EVIDENCE_TAG_CHARS + 1])
{
	crypto_hash_sha256_state s;
	uint8_t hash[crypto_hash_sha256_BYTES];

	crypto_hash_sha256_init(&s);
	crypto_hash_sha256_update(&s, (const uint8_t *)TAG, strlen(TAG));
	crypto_hash_sha256_update(&s, (const uint8_t *)id, strlen(id));
	crypto_hash_sha256_final(&s, hash);
	tg_hex_encode(hash, EVIDENCE_TAG_CHARS / 2, out);
}
