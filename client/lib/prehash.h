/* prehash.h: Ed25519ph over a stream: what is signed is hashed as it passes (RFC 8032, section 5.1,
 * PH = SHA-512). Not installed. */
#ifndef TG_LIB_PREHASH_H
#define TG_LIB_PREHASH_H

#include <openssl/sha.h>
#include <stddef.h>
#include <stdint.h>

struct tg_prehash {
	SHA512_CTX sha512;
};

void tg_prehash_init(struct tg_prehash *h);
void tg_prehash_update(struct tg_prehash *h, const void *p, size_t n);
/** tg_prehash_sign(h, sk, signature): sk in libsodium's form. Returns 0 or TG_EINTERNAL. */
int tg_prehash_sign(const struct tg_prehash *h, const uint8_t sk[64], uint8_t signature[64]);
/** tg_prehash_verify(h, signature, pk): 0 or TG_ESIGNATURE. */
int tg_prehash_verify(
	const struct tg_prehash *h, const uint8_t signature[64], const uint8_t pk[32]);
/** tg_prehash_works(): 1 when the two libraries still understand each other (below); asked once, by
 * tg_init(). */
int tg_prehash_works(void);

#endif
