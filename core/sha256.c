/* sha256.c: see sha256.h. */
#include <stdlib.h>
#include <openssl/evp.h>
#include "core/bug.h"
#include "core/sha256.h"

struct sha256 {
	EVP_MD *algorithm;
	EVP_MD_CTX *ctx;
};

struct sha256 *sha256_new(void)
{
	struct sha256 *h = calloc(1, sizeof *h);

	if (h == NULL)
		return NULL;
	h->algorithm = EVP_MD_fetch(NULL, "SHA256", NULL);
	h->ctx = EVP_MD_CTX_new();
	/* The context allocates at its first use, and never again. */
	if (h->algorithm == NULL || h->ctx == NULL ||
		EVP_DigestInit_ex2(h->ctx, h->algorithm, NULL) != 1) {
		sha256_free(h);
		return NULL;
	}
	return h;
}

void sha256_free(struct sha256 *h)
{
	if (h == NULL)
		return;
	EVP_MD_CTX_free(h->ctx);
	EVP_MD_free(h->algorithm);
	free(h);
}

void sha256_of(struct sha256 *h, const void *prefix, size_t prefix_len, const void *data, size_t n,
	uint8_t out[SHA256_BYTES])
{
	if (EVP_DigestInit_ex2(h->ctx, NULL, NULL) != 1 ||
		EVP_DigestUpdate(h->ctx, prefix, prefix_len) != 1 ||
		EVP_DigestUpdate(h->ctx, data, n) != 1 ||
		EVP_DigestFinal_ex(h->ctx, out, NULL) != 1)
		tg_bug("sha256", "a hash that needs no memory failed");
}
