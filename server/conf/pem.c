/*
 * pem.c: see pem.h. It makes no TLS context (net/tls.c does) and keeps no key. Runs where a
 * configuration is read.
 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <timeglas/errors.h>

#include "core/encoding.h"
#include "base/client_cert.h"
#include "base/file.h"
#include "conf/pem.h"

/* Without this callback OpenSSL asks for the passphrase of a protected key on the terminal. */
static int no_passphrase(char *buf, int size, int rw, void *ctx)
{
	(void)buf, (void)size, (void)rw, (void)ctx;
	return -1;
}

/* Returns what the first bytes of a file without PEM tell (a byte order mark, DER, …), or the text
 * given. */
static const char *fault_of(FILE *f, const char *otherwise)
{
	unsigned char b[TG_ENCODING_BYTES];
	const char *fault;

	rewind(f);
	fault = tg_encoding_fault(b, fread(b, 1, sizeof b, f));
	return fault != NULL ? fault : otherwise;
}

static int read_certificate(const char *path, X509 **out, char *why, size_t cap)
{
	FILE *f = file_open(path, why, cap);

	if (f == NULL)
		return TG_EIO;
	*out = PEM_read_X509(f, NULL, no_passphrase, NULL);
	if (*out == NULL)
		snprintf(why, cap, "%s holds no certificate; %s", path,
			fault_of(f, "it must be PEM (-----BEGIN CERTIFICATE-----)"));
	fclose(f);
	return *out != NULL ? 0 : TG_EINVAL;
}

int pem_chain(const char *path, STACK_OF(X509) * *out, char *why, size_t cap)
{
	FILE *f = file_open(path, why, cap);
	X509 *x;

	*out = sk_X509_new_null();
	if (f == NULL)
		return TG_EIO;
	while (*out != NULL && (x = PEM_read_X509(f, NULL, no_passphrase, NULL)) != NULL)
		if (sk_X509_push(*out, x) == 0)
			X509_free(x);
	ERR_clear_error();
	fclose(f);
	if (sk_X509_num(*out) > 0)
		return 0;
	snprintf(why, cap, "%s holds no certificate", path);
	return TG_EINVAL;
}

int pem_spki(const char *path, uint8_t out[32], char *why, size_t cap)
{
	X509 *x = NULL;
	int err = read_certificate(path, &x, why, cap);

	if (err != 0)
		return err;
	err = client_cert_spki(x, out);
	if (err != 0)
		snprintf(why, cap, "the public key of %s cannot be read; make the certificate anew",
			path);
	X509_free(x);
	return err;
}

int pem_check_certificate(const char *path, char *why, size_t cap)
{
	X509 *x = NULL;
	int err = read_certificate(path, &x, why, cap);

	if (err != 0)
		return err;
	if (X509_cmp_current_time(X509_get0_notAfter(x)) < 0) {
		snprintf(why, cap, "%s has expired; renew the certificate", path);
		err = TG_EINVAL;
	} else if (X509_cmp_current_time(X509_get0_notBefore(x)) > 0) {
		snprintf(why, cap, "%s is not valid yet; check the clock or the certificate", path);
		err = TG_EINVAL;
	}
	X509_free(x);
	return err;
}

static int read_key(const char *path, EVP_PKEY **out, char *why, size_t cap)
{
	struct stat st;
	FILE *f = file_open(path, why, cap);

	if (f == NULL)
		return TG_EIO;
	*out = NULL;
	if (fstat(fileno(f), &st) == 0 && (st.st_mode & S_IRWXO) != 0) {
		snprintf(why, cap, "%s is open to everybody (mode %03o); chmod 600 it", path,
			(unsigned)(st.st_mode & 0777));
	} else {
		*out = PEM_read_PrivateKey(f, NULL, no_passphrase, NULL);
		if (*out == NULL)
			snprintf(why, cap, "%s holds no private key without a passphrase; %s", path,
				fault_of(f, "it must be PEM, unencrypted"));
	}
	fclose(f);
	return *out != NULL ? 0 : TG_EINVAL;
}

int pem_check_key(const char *path, const char *certificate, char *why, size_t cap)
{
	EVP_PKEY *key = NULL;
	X509 *x = NULL;
	int err = read_key(path, &key, why, cap);

	if (err == 0)
		err = read_certificate(certificate, &x, why, cap);
	if (err == 0 && X509_check_private_key(x, key) != 1) {
		snprintf(why, cap,
			"%s does not belong to the certificate %s; give the key that it was made "
			"with",
			path, certificate);
		err = TG_EINVAL;
	}
	X509_free(x);
	EVP_PKEY_free(key);
	return err;
}
