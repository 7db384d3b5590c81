/*
 * prehash.c: hashes for Ed25519ph with OpenSSL, whose SHA-512 takes two thirds of libsodium's time,
 * and signs with libsodium, because OpenSSL 3.0 has no Ed25519ph. Both publish the state of the
 * hash in their headers (FIPS 180-4: eight words, a count of bits, a block that is not full), so it
 * can be copied from one to the other. Runs in the library.
 */
#define OPENSSL_SUPPRESS_DEPRECATED /* only deprecated functions show their state */
#include "lib/prehash.h"
#include <sodium.h>
#include <string.h>
#include <timeglas/errors.h>
#include "lib/secmem.h"

_Static_assert(sizeof(((crypto_sign_state *)0)->hs.state) == sizeof(((SHA512_CTX *)0)->h),
	"eight words of 64 bits");
_Static_assert(sizeof(((crypto_sign_state *)0)->hs.buf) == sizeof(((SHA512_CTX *)0)->u.p),
	"a block of 128 bytes");

void tg_prehash_init(struct tg_prehash *h)
{
	SHA512_Init(&h->sha512);
}

void tg_prehash_update(struct tg_prehash *h, const void *p, size_t n)
{
	SHA512_Update(&h->sha512, p, n);
}

static void pass_on(const struct tg_prehash *h, crypto_sign_state *s)
{
	crypto_sign_init(s);
	memcpy(s->hs.state, h->sha512.h, sizeof s->hs.state);
	s->hs.count[0] = h->sha512.Nh;
	s->hs.count[1] = h->sha512.Nl;
	memcpy(s->hs.buf, h->sha512.u.p, h->sha512.num);
}

int tg_prehash_sign(const struct tg_prehash *h, const uint8_t sk[64], uint8_t signature[64])
{
	crypto_sign_state s;
	int ok;

	pass_on(h, &s);
	ok = crypto_sign_final_create(&s, signature, NULL, sk) == 0;
	tg_wipe(&s, sizeof s);
	return ok ? 0 : TG_EINTERNAL;
}

int tg_prehash_verify(const struct tg_prehash *h, const uint8_t signature[64], const uint8_t pk[32])
{
	crypto_sign_state s;
	int ok;

	pass_on(h, &s);
	ok = crypto_sign_final_verify(&s, signature, pk) == 0;
	tg_wipe(&s, sizeof s);
	return ok ? 0 : TG_ESIGNATURE;
}

int tg_prehash_works(void)
{
	static const uint8_t text[300];
	uint8_t want[crypto_hash_sha512_BYTES], got[crypto_hash_sha512_BYTES];
	struct tg_prehash h;
	crypto_sign_state s;

	crypto_hash_sha512(want, text, sizeof text);
	tg_prehash_init(&h);
	tg_prehash_update(&h, text, sizeof text);
	pass_on(&h, &s);
	crypto_hash_sha512_final(&s.hs, got);
	return sodium_memcmp(want, got, sizeof want) == 0;
}
