/* crypto.h: the primitives that sealing and opening share. tg_init() must have returned 0 before.
 */
#ifndef TG_LIB_CRYPTO_H
#define TG_LIB_CRYPTO_H

#include <openssl/evp.h>
#include <stddef.h>
#include <stdint.h>
#include "lib/keys.h"

#define TG_FILE_KEY 16
#define TG_WRAPPED_KEY 32

/**
 * Derives 32 bytes with HKDF-SHA256 (RFC 5869).
 *
 * @key   n bytes
 * @salt  salt_len bytes; NULL: empty
 * @info  NUL-terminated
 *
 * Returns 0 or TG_EINTERNAL.
 */
int tg_hkdf(const uint8_t *key, size_t n, const uint8_t *salt, size_t salt_len, const char *info,
	uint8_t out[32]);

/** Returns ChaCha20-Poly1305, which tg_init() has fetched; NULL before. */
const EVP_CIPHER *tg_bulk_cipher(void);

/** Returns AES-128-GCM, which is used for its MAC only; NULL before tg_init(). */
const EVP_CIPHER *tg_mac_cipher(void);

/** Computes the MAC of an age header: p is its n bytes up to and with "---". Returns 0 or
 * TG_EINTERNAL. */
int tg_header_mac(const uint8_t file_key[TG_FILE_KEY], const uint8_t *p, size_t n, uint8_t out[32]);

/**
 * Wraps a file key to one recipient: an X25519 stanza (age.md).
 *
 * @share, body  out: the stanza's argument and body, not encoded
 *
 * Returns 0, TG_EKEY (the recipient is a point of small order) or TG_EINTERNAL.
 */
int tg_x25519_wrap(const tg_recipient *to, const uint8_t file_key[TG_FILE_KEY], uint8_t share[32],
	uint8_t body[TG_WRAPPED_KEY]);

/** Unwraps it. Returns 0, TG_ENOMATCH (the stanza is for somebody else), TG_EHEADER (the shared
 * secret is all zeros) or TG_EINTERNAL. */
int tg_x25519_unwrap(const tg_identity *id, const uint8_t share[32],
	const uint8_t body[TG_WRAPPED_KEY], uint8_t file_key[TG_FILE_KEY]);

#endif
