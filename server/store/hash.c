/*
 * hash.c: several texts as one hash. Pure.
 */
#include <string.h>
#include <sodium.h>
#include "core/hex.h"
#include "store/hash.h"

const char *hash_texts(char out[HASH_TEXTS_LEN + 1], size_t n, const char *const text[])
{
	crypto_generichash_state h;
	uint8_t raw[HASH_TEXTS_LEN / 2];

	crypto_generichash_init(&h, NULL, 0, sizeof raw);
	for (size_t i = 0; i < n; i++)
		crypto_generichash_update(&h, (const unsigned char *)text[i], strlen(text[i]) + 1);
	crypto_generichash_final(&h, raw, sizeof raw);
	return tg_hex_encode(raw, sizeof raw, out);
}
