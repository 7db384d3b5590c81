/*
 * crypto.c: tg_init(), HKDF, the age header's MAC and the X25519 stanza (age.md). The cipher of the
 * payload is in stream.c. Runs in the library. None of it is ever linked into the server, which
 * must not be able to open anything.
 */
#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <sodium.h>
#include <string.h>
#include "lib/crypto.h"
#include "lib/prehash.h"
#include "lib/secmem.h"

#define X25519_INFO "age-encryption.org/v1/X25519"

/* Fetched once, since a fetch takes a lock and a search, and a client may seal thousands of small
 * files. Never freed. */
static EVP_KDF *hkdf;
static EVP_CIPHER *bulk, *mac;

int tg_init(void)
{
	if (sodium_init() < 0)
		return TG_EINTERNAL;
	if (!hkdf)
		hkdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
	if (!bulk)
		bulk = EVP_CIPHER_fetch(NULL, "ChaCha20-Poly1305", NULL);
	if (!mac)
		mac = EVP_CIPHER_fetch(NULL, "AES-128-GCM", NULL);
	return hkdf && bulk && mac && tg_prehash_works() ? 0 : TG_EINTERNAL;
}

const EVP_CIPHER *tg_bulk_cipher(void)
{
	return bulk;
}

const EVP_CIPHER *tg_mac_cipher(void)
{
	return mac;
}

int tg_hkdf(const uint8_t *key, size_t n, const uint8_t *salt, size_t salt_len, const char *info,
	uint8_t out[32])
{
	static const uint8_t none[1];
	EVP_KDF_CTX *ctx = hkdf ? EVP_KDF_CTX_new(hkdf) : NULL;
	char digest[] = "SHA256";
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)(uintptr_t)key, n),
		OSSL_PARAM_construct_octet_string(
			OSSL_KDF_PARAM_SALT, (void *)(uintptr_t)(salt ? salt : none), salt_len),
		OSSL_PARAM_construct_octet_string(
			OSSL_KDF_PARAM_INFO, (void *)(uintptr_t)info, strlen(info)),
		OSSL_PARAM_construct_end(),
	};
	int ok = ctx && EVP_KDF_derive(ctx, out, 32, params) == 1;

	EVP_KDF_CTX_free(ctx);
	return ok ? 0 : TG_EINTERNAL;
}

int tg_header_mac(const uint8_t file_key[TG_FILE_KEY], const uint8_t *p, size_t n, uint8_t out[32])
{
	uint8_t key[32];
	int err = tg_hkdf(file_key, TG_FILE_KEY, NULL, 0, "header", key);

	if (!err)
		crypto_auth_hmacsha256(out, p, n, key);
	tg_wipe(key, sizeof key);
	return err;
}

static int wrap_key(
	const uint8_t secret[32], const uint8_t share[32], const uint8_t pk[32], uint8_t out[32])
{
	uint8_t salt[64];

	memcpy(salt, share, 32);
	memcpy(salt + 32, pk, 32);
	return tg_hkdf(secret, 32, salt, sizeof salt, X25519_INFO, out);
}

int tg_x25519_wrap(const tg_recipient *to, const uint8_t file_key[TG_FILE_KEY], uint8_t share[32],
	uint8_t body[TG_WRAPPED_KEY])
{
	/* a constant nonce, as the key is used only once */
	static const uint8_t nonce[crypto_aead_chacha20poly1305_ietf_NPUBBYTES];
	uint8_t once[32], secret[32], key[32];
	int err = TG_EKEY;

	randombytes_buf(once, sizeof once);
	if (crypto_scalarmult_base(share, once) == 0 &&
		crypto_scalarmult(secret, once, to->pk) == 0)
		err = wrap_key(secret, share, to->pk, key);
	if (!err)
		crypto_aead_chacha20poly1305_ietf_encrypt(
			body, NULL, file_key, TG_FILE_KEY, NULL, 0, NULL, nonce, key);
	tg_wipe(once, sizeof once);
	tg_wipe(secret, sizeof secret);
	tg_wipe(key, sizeof key);
	return err;
}

int tg_x25519_unwrap(const tg_identity *id, const uint8_t share[32],
	const uint8_t body[TG_WRAPPED_KEY], uint8_t file_key[TG_FILE_KEY])
{
	static const uint8_t nonce[crypto_aead_chacha20poly1305_ietf_NPUBBYTES];
	uint8_t secret[32], key[32];
	int err = TG_EHEADER;

	/* libsodium fails only for a shared secret of zeros, and with that age.md demands that the
	 * file is refused. */
	if (crypto_scalarmult(secret, id->sk, share) == 0)
		err = wrap_key(secret, share, id->pk, key);
	if (!err &&
		crypto_aead_chacha20poly1305_ietf_decrypt(
			file_key, NULL, NULL, body, TG_WRAPPED_KEY, NULL, 0, nonce, key) != 0)
		err = TG_ENOMATCH;
	tg_wipe(secret, sizeof secret);
	tg_wipe(key, sizeof key);
	return err;
}
