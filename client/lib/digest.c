/*
 * digest.c: hashes a stream with OpenSSL's SHA-256. It opens no file and compares nothing. Runs in
 * the library.
 */
#include <openssl/evp.h>
#include <stdlib.h>
#include <timeglas/errors.h>
#include "lib/digest.h"

#define READ_BYTES 65536

int tg_digest(long (*read)(void *ctx, void *p, size_t cap), void *ctx, uint8_t out[TG_DIGEST_BYTES])
{
	EVP_MD_CTX *h = EVP_MD_CTX_new();
	unsigned char *buf = malloc(READ_BYTES);
	int err = h != NULL && buf != NULL ? 0 : TG_ENOMEM;
	long n = 0;

	if (err == 0 && EVP_DigestInit_ex(h, EVP_sha256(), NULL) != 1)
		err = TG_EINTERNAL;
	while (err == 0 && (n = read(ctx, buf, READ_BYTES)) > 0)
		if (EVP_DigestUpdate(h, buf, (size_t)n) != 1)
			err = TG_EINTERNAL;
	if (err == 0 && n < 0)
		err = (int)n;
	if (err == 0 && EVP_DigestFinal_ex(h, out, NULL) != 1)
		err = TG_EINTERNAL;
	free(buf);
	EVP_MD_CTX_free(h);
	return err;
}
