/* sha256.c: see sha256.h. The first hashes are libsodium's: what OpenSSL sets up at its first use
 * takes as long as some thousand of them, and who checks one proof needs twenty. */
#include <stdlib.h>
#include <string.h>
#include <openssl/evp.h>
#include <sodium.h>
#include "core/sha256.h"

#define FEW 256    /* hashes before OpenSSL, whose are several times as fast, is set up */
#define SHORT 128u /* bytes: two nodes of a tree, a blob's id */

_Static_assert(SHA256_BYTES == crypto_hash_sha256_BYTES, "one hash");

struct sha256 {
	unsigned n;      /* of hashes so far, up to FEW */
	EVP_MD_CTX *ctx; /* NULL: libsodium's serve */
};

struct sha256 *sha256_new(void)
{
	return calloc(1, sizeof(struct sha256));
}

void sha256_free(struct sha256 *h)
{
	if (h == NULL)
		return;
	EVP_MD_CTX_free(h->ctx);
	free(h);
}

/* The context allocates here, and never again. Without memory libsodium goes on. */
static void set_up(struct sha256 *h)
{
	EVP_MD *algorithm = EVP_MD_fetch(NULL, "SHA256", NULL);

	h->ctx = algorithm != NULL ? EVP_MD_CTX_new() : NULL;
	if (h->ctx != NULL && EVP_DigestInit_ex2(h->ctx, algorithm, NULL) != 1) {
		EVP_MD_CTX_free(h->ctx);
		h->ctx = NULL;
	}
	EVP_MD_free(algorithm); /* the context holds it */
}

static int by_openssl(struct sha256 *h, const void *prefix, size_t prefix_len, const void *data,
	size_t n, uint8_t out[SHA256_BYTES])
{
	uint8_t both[SHORT];

	/* A call of OpenSSL's costs as much as a hash of so little. */
	if (prefix_len > 0 && prefix_len < sizeof both && n > 0 && n <= sizeof both - prefix_len) {
		memcpy(both, prefix, prefix_len);
		memcpy(both + prefix_len, data, n);
		data = both;
		n += prefix_len;
		prefix_len = 0;
	}
	return h->ctx != NULL && EVP_DigestInit_ex2(h->ctx, NULL, NULL) == 1 &&
		(prefix_len == 0 || EVP_DigestUpdate(h->ctx, prefix, prefix_len) == 1) &&
		EVP_DigestUpdate(h->ctx, data, n) == 1 &&
		EVP_DigestFinal_ex(h->ctx, out, NULL) == 1;
}

void sha256_of(struct sha256 *h, const void *prefix, size_t prefix_len, const void *data, size_t n,
	uint8_t out[SHA256_BYTES])
{
	crypto_hash_sha256_state s;

	if (h->n < FEW && ++h->n == FEW)
		set_up(h);
	if (by_openssl(h, prefix, prefix_len, data, n, out))
		return;
	crypto_hash_sha256_init(&s);
	if (prefix_len > 0)
		crypto_hash_sha256_update(&s, prefix, prefix_len);
	if (n > 0)
		crypto_hash_sha256_update(&s, data, n);
	crypto_hash_sha256_final(&s, out);
}
