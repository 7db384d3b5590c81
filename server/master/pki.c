/*
 * pki.c: see pki.h. It is no authority for a service: nothing is revoked, and its key lies beside
 * the certificates. Runs in the master, with --dev only.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <timeglas/errors.h>

#include "master/pki.h"

#define CA_NAME "timeglas throwaway CA"
#define DAY_S (24L * 3600)
#define LIFE_S (30 * DAY_S)
#define SKEW_S (-3600L) /* notBefore, from now: a client's clock may be behind */

struct pki {
	X509 *cert;
	EVP_PKEY *key;
};

struct extension {
	int nid;
	const char *value;
};

void pki_free(struct pki *p)
{
	if (p == NULL)
		return;
	X509_free(p->cert);
	EVP_PKEY_free(p->key);
	free(p);
}

static FILE *create(const char *path, char *err, size_t cap)
{
	int fd;
	FILE *f = NULL;

	unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd >= 0)
		f = fdopen(fd, "w");
	if (f == NULL) {
		snprintf(err, cap, "cannot write %s: %s", path, strerror(errno));
		if (fd >= 0)
			close(fd);
	}
	return f;
}

static int save(const X509 *cert, const EVP_PKEY *key, const char *cert_path, const char *key_path,
	char *err, size_t cap)
{
	FILE *c, *k = create(key_path, err, cap);
	bool good;

	if (k == NULL)
		return TG_EIO;
	good = PEM_write_PKCS8PrivateKey(k, key, NULL, NULL, 0, NULL, NULL) == 1;
	good = fclose(k) == 0 && good;
	c = create(cert_path, err, cap);
	if (c == NULL)
		return TG_EIO;
	good = PEM_write_X509(c, cert) == 1 && good;
	good = fclose(c) == 0 && good;
	if (!good)
		snprintf(err, cap, "cannot write %s or %s: %s", cert_path, key_path,
			strerror(errno));
	return good ? 0 : TG_EIO;
}

static bool set_serial(X509 *x)
{
	unsigned char r[16];
	BIGNUM *n;
	bool good;

	if (RAND_bytes(r, sizeof r) != 1)
		return false;
	r[0] = (unsigned char)((r[0] & 0x7f) | 0x40); /* positive, and always of 16 bytes */
	n = BN_bin2bn(r, sizeof r, NULL);
	good = n != NULL && BN_to_ASN1_INTEGER(n, X509_get_serialNumber(x)) != NULL;
	BN_free(n);
	return good;
}

static bool extend(X509 *x, X509 *issuer, const struct extension *e, size_t n)
{
	X509V3_CTX ctx;
	X509_EXTENSION *made;
	bool good = true;
	size_t i;

	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
	for (i = 0; i < n && good; i++) {
		made = X509V3_EXT_conf_nid(NULL, &ctx, e[i].nid, e[i].value);
		good = made != NULL && X509_add_ext(x, made, -1) == 1;
		X509_EXTENSION_free(made);
	}
	return good;
}

/* issuer NULL: the certificate signs itself. */
static X509 *make_cert(const char *name, EVP_PKEY *key, X509 *issuer, EVP_PKEY *signer,
	const struct extension *e, size_t n)
{
	X509 *x = X509_new();
	X509_NAME *subject;

	if (x == NULL)
		return NULL;
	subject = X509_get_subject_name(x);
	if (X509_set_version(x, X509_VERSION_3) == 1 && set_serial(x) &&
		X509_gmtime_adj(X509_getm_notBefore(x), SKEW_S) != NULL &&
		X509_gmtime_adj(X509_getm_notAfter(x), LIFE_S) != NULL &&
		X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
			(const unsigned char *)name, -1, -1, 0) == 1 &&
		X509_set_issuer_name(x, issuer != NULL ? X509_get_subject_name(issuer) : subject) ==
			1 &&
		X509_set_pubkey(x, key) == 1 && extend(x, issuer != NULL ? issuer : x, e, n) &&
		X509_sign(x, signer, EVP_sha256()) > 0)
		return x;
	X509_free(x);
	return NULL;
}

static struct pki *make_ca(void)
{
	static const struct extension e[] = {
		{NID_basic_constraints, "critical,CA:TRUE,pathlen:0"},
		{NID_key_usage, "critical,keyCertSign,cRLSign"},
		{NID_subject_key_identifier, "hash"},
	};
	struct pki *p = calloc(1, sizeof *p);

	if (p == NULL)
		return NULL;
	p->key = EVP_EC_gen("P-256");
	if (p->key != NULL)
		p->cert = make_cert(CA_NAME, p->key, NULL, p->key, e, sizeof e / sizeof *e);
	if (p->cert != NULL)
		return p;
	pki_free(p);
	return NULL;
}

static bool still_good(const struct pki *p)
{
	time_t tomorrow = time(NULL) + DAY_S;
	char name[64];

	return p->cert != NULL && p->key != NULL &&
		X509_NAME_get_text_by_NID(
			X509_get_subject_name(p->cert), NID_commonName, name, sizeof name) > 0 &&
		strcmp(name, CA_NAME) == 0 &&
		X509_cmp_time(X509_get0_notAfter(p->cert), &tomorrow) > 0 &&
		X509_check_private_key(p->cert, p->key) == 1;
}

static struct pki *read_ca(const char *cert_path, const char *key_path)
{
	struct pki *p = calloc(1, sizeof *p);
	FILE *c = fopen(cert_path, "re"), *k = fopen(key_path, "re");

	if (p != NULL && c != NULL && k != NULL) {
		p->cert = PEM_read_X509(c, NULL, NULL, NULL);
		p->key = PEM_read_PrivateKey(k, NULL, NULL, NULL);
	}
	if (c != NULL)
		fclose(c);
	if (k != NULL)
		fclose(k);
	if (p != NULL && still_good(p))
		return p;
	pki_free(p);
	return NULL;
}

struct pki *pki_open(const char *cert_path, const char *key_path, char *err, size_t cap)
{
	struct pki *p = read_ca(cert_path, key_path);

	if (p != NULL)
		return p;
	p = make_ca();
	if (p == NULL) {
		snprintf(err, cap,
			"cannot make a certificate authority: no memory or no randomness");
		return NULL;
	}
	if (save(p->cert, p->key, cert_path, key_path, err, cap) == 0)
		return p;
	pki_free(p);
	return NULL;
}

int pki_issue(struct pki *p, const char *name, enum pki_use use, const char *cert_path,
	const char *key_path, char *err, size_t cap)
{
	const struct extension e[] = {
		{NID_basic_constraints, "critical,CA:FALSE"},
		{NID_key_usage, "critical,digitalSignature"},
		{NID_subject_key_identifier, "hash"},
		{NID_authority_key_identifier, "keyid:always"},
		{NID_ext_key_usage, use == PKI_SERVER ? "serverAuth" : "clientAuth"},
		{NID_subject_alt_name, "IP:127.0.0.1,IP:::1,DNS:localhost"},
	};
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *x = NULL;
	int code = TG_ENOMEM;

	if (key != NULL) /* the last extension is for servers only */
		x = make_cert(name, key, p->cert, p->key, e,
			sizeof e / sizeof *e - (use == PKI_SERVER ? 0 : 1));
	if (x != NULL)
		code = save(x, key, cert_path, key_path, err, cap);
	else
		snprintf(err, cap, "cannot make a certificate for %s: no memory or no randomness",
			name);
	X509_free(x);
	EVP_PKEY_free(key);
	return code;
}
