/* client_cert.c: see client_cert.h. It verifies no chain. Runs in workers, and where a
 * configuration is checked. */
#include <stdint.h>

#include <openssl/evp.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>

#include <timeglas/errors.h>

#include "base/client_cert.h"

#define RSA_BITS_MAX 8192 /* a signature of a larger key takes too long to check */

const char *client_cert_fault(X509 *cert)
{
	const EVP_PKEY *key = X509_get0_pubkey(cert);
	uint32_t use = X509_get_extended_key_usage(cert);

	/* UINT32_MAX: no such extension. OpenSSL would let it in for every use. */
	if (use == UINT32_MAX || (use & XKU_SSL_CLIENT) == 0)
		return "it lacks the extended key usage clientAuth";
	if (key == NULL)
		return "its public key cannot be used";
	if (EVP_PKEY_is_a(key, "RSA") && EVP_PKEY_get_bits(key) > RSA_BITS_MAX)
		return "its RSA key has more than 8192 bits";
	return NULL;
}

int client_cert_spki(const X509 *cert, uint8_t out[32])
{
	unsigned char *der = NULL;
	int n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der);

	if (n <= 0)
		return TG_EINVAL;
	SHA256(der, (size_t)n, out);
	OPENSSL_free(der);
	return 0;
}
