/* prehash.h: Ed25519ph over a stream (RFC 8032, section 5.1, with SHA-512): content is hashed as it
 * passes, and the hash is signed at the end. Not installed. */
#ifndef TG_LIB_PREHASH_H
#define TG_LIB_PREHASH_H

#include <openssl/sha.h>
#include <stddef.h>
#include <stdint.h>

struct tg_prehash {
	SHA512_CTX sha512;
};

/** Starts a hash. It holds no memory that must be freed. */
void tg_prehash_init(struct tg_prehash *h);

/** Adds n bytes. */
void tg_prehash_update(struct tg_prehash *h, const void *p, size_t n);

/** Signs what was added. sk: libsodium's form of a secret key. Returns 0 or TG_EINTERNAL. */
int tg_prehash_sign(const struct tg_prehash *h, const uint8_t sk[64], uint8_t signature[64]);

/** Checks a signature over what was added. Returns 0 or TG_ESIGNATURE. */
int tg_prehash_verify(
	const struct tg_prehash *h, const uint8_t signature[64], const uint8_t pk[32]);

/** Returns 1 when libsodium still goes on correctly from OpenSSL's state of a hash; tg_init() asks
 * once. */
int tg_prehash_works(void);

#endif
