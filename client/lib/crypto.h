/* crypto.h: the few primitives that sealing and opening share. tg_init() comes first. */
#ifndef TG_LIB_CRYPTO_H
#define TG_LIB_CRYPTO_H

#include <openssl/evp.h>
#include <stddef.h>
#include <stdint.h>
#include "lib/keys.h"

#define TG_FILE_KEY 16
#define TG_WRAPPED_KEY 32

/**
 * tg_hkdf(key, n, salt, salt_len, info, out): HKDF-SHA256 (RFC 5869), 32 bytes. salt NULL: empty.
 * Returns 0 or TG_EINTERNAL.
 */
int tg_hkdf(const uint8_t *key, size_t n, const uint8_t *salt, size_t salt_len, const char *info,
	uint8_t out[32]);
/** tg_bulk_cipher(): ChaCha20-Poly1305, fetched by tg_init(). NULL before. */
const EVP_CIPHER *tg_bulk_cipher(void);
/** tg_mac_cipher(): AES-128-GCM, for its MAC alone, fetched by tg_init(). NULL before. */
const EVP_CIPHER *tg_mac_cipher(void);
/**
 * tg_header_mac(file_key, p, n, out): the MAC of an age header, p being everything through "---".
 * Returns 0 or TG_EINTERNAL.
 */
int tg_header_mac(const uint8_t file_key[TG_FILE_KEY], const uint8_t *p, size_t n, uint8_t out[32]);

/**
 * tg_x25519_wrap(to, file_key, share, body): one X25519 stanza (age.md). Returns 0, TG_EKEY (a
 * point of small order) or TG_EINTERNAL.
 */
int tg_x25519_wrap(const tg_recipient *to, const uint8_t file_key[TG_FILE_KEY], uint8_t share[32],
	uint8_t body[TG_WRAPPED_KEY]);
/**
 * tg_x25519_unwrap(id, share, body, file_key): the other way. Returns 0, TG_ENOMATCH (for somebody
 * else), TG_EHEADER (an all-zero shared secret) or TG_EINTERNAL.
 */
int tg_x25519_unwrap(const tg_identity *id, const uint8_t share[32],
	const uint8_t body[TG_WRAPPED_KEY], uint8_t file_key[TG_FILE_KEY]);

#endif
