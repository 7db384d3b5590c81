/*
 * tls.c: the server's TLS context and the fingerprint that names a peer. It does no I/O but reading PEM files. Runs in the
 * master, which makes the context that workers inherit, and in workers, which make it anew from memory on a reload.
 */
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <timeglas/errors.h>
#include "base/file.h"
#include "net/tls.h"

#define PEM_BYTES_MAX (512u << 10)

static const unsigned char session_context[] = "timeglas";

static void say(char *err, size_t cap, const char *what, const char *path)
{
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());

	snprintf(err, cap, "%s %s: %s", what, path, reason ? reason : "unusable");
	ERR_clear_error();
}

/* Resumption would skip the certificate check, renegotiation would redo it mid-request: neither exists here. */
static void set_policy(SSL_CTX *ctx)
{
	SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION);
	SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CLEANSE_PLAINTEXT |
	    SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_num_tickets(ctx, 0);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_session_id_context(ctx, session_context, sizeof session_context - 1);
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
}

/* A key that is protected must not make a server ask for a passphrase on its terminal. */
static int no_passphrase(char *buf, int size, int rw, void *ctx)
{
	(void)buf, (void)size, (void)rw, (void)ctx;
	return -1;
}

static bool use_chain(SSL_CTX *ctx, BIO *pem)
{
	X509 *x = PEM_read_bio_X509_AUX(pem, NULL, no_passphrase, NULL);
	bool ok = x && SSL_CTX_use_certificate(ctx, x) == 1;

	X509_free(x);
	while (ok && (x = PEM_read_bio_X509(pem, NULL, no_passphrase, NULL))) {
		ok = SSL_CTX_add0_chain_cert(ctx, x) == 1;
		if (!ok)
			X509_free(x);
	}
	return ok;
}

static bool use_key(SSL_CTX *ctx, BIO *pem)
{
	EVP_PKEY *key = PEM_read_bio_PrivateKey(pem, NULL, no_passphrase, NULL);
	bool ok = key && SSL_CTX_use_PrivateKey(ctx, key) == 1 && SSL_CTX_check_private_key(ctx) == 1;

	EVP_PKEY_free(key);
	return ok;
}

static bool use_client_ca(SSL_CTX *ctx, BIO *pem)
{
	X509_STORE *store = SSL_CTX_get_cert_store(ctx);
	bool ok = true;
	unsigned n = 0;
	X509 *x;

	while (ok && (x = PEM_read_bio_X509(pem, NULL, no_passphrase, NULL))) {
		ok = X509_STORE_add_cert(store, x) == 1 && SSL_CTX_add_client_CA(ctx, x) == 1;
		X509_free(x);
		n++;
	}
	return ok && n > 0;
}

static bool use(SSL_CTX *ctx, const struct tls_pem *pem, bool (*how)(SSL_CTX *ctx, BIO *pem))
{
	BIO *bio = pem->n <= INT_MAX ? BIO_new_mem_buf(pem->bytes, (int)pem->n) : NULL;
	bool ok = bio && how(ctx, bio);

	BIO_free(bio);
	return ok;
}

SSL_CTX *tls_server_ctx_of(const struct tls_pem *cert, const struct tls_pem *key, const struct tls_pem *client_ca, char *err, size_t cap)
{
	SSL_CTX *ctx;

	ERR_clear_error();
	ctx = SSL_CTX_new(TLS_server_method());
	if (!ctx) {
		say(err, cap, "TLS", "context");
		return NULL;
	}
	set_policy(ctx);
	if (!use(ctx, cert, use_chain)) {
		say(err, cap, "certificate", cert->name);
	} else if (!use(ctx, key, use_key)) {
		say(err, cap, "private key", key->name);
	} else if (!use(ctx, client_ca, use_client_ca)) {
		say(err, cap, "client CA", client_ca->name);
	} else {
		ERR_clear_error(); /* that the last certificate was the last counts as one */
		return ctx;
	}
	SSL_CTX_free(ctx);
	return NULL;
}

SSL_CTX *tls_server_ctx(const char *cert_pem, const char *key_pem, const char *client_ca_pem, char *err, size_t cap)
{
	const char *const path[] = { cert_pem, key_pem, client_ca_pem };
	struct file_bytes file[3] = { 0 };
	struct tls_pem pem[3];
	SSL_CTX *ctx = NULL;
	int rc = 0;

	for (size_t i = 0; i < 3 && rc == 0; i++) {
		rc = file_read(path[i], PEM_BYTES_MAX, &file[i], err, cap);
		pem[i] = (struct tls_pem){ path[i], file[i].b, file[i].n };
	}
	if (rc == 0)
		ctx = tls_server_ctx_of(&pem[0], &pem[1], &pem[2], err, cap);
	for (size_t i = 0; i < 3; i++)
		file_free(&file[i]);
	return ctx;
}

static int spki_of(X509 *cert, uint8_t out[32])
{
	unsigned char *der = NULL;
	int n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der);

	if (n <= 0)
		return TG_EINVAL;
	SHA256(der, (size_t)n, out);
	OPENSSL_free(der);
	return 0;
}

int tls_peer_spki(SSL *ssl, uint8_t out[32])
{
	X509 *cert = SSL_get0_peer_certificate(ssl);

	if (!cert || SSL_get_verify_result(ssl) != X509_V_OK || spki_of(cert, out) != 0)
		return TG_EPEER;
	return 0;
}

int tls_cert_spki(const char *pem_path, uint8_t out[32], char *err, size_t cap)
{
	FILE *f = fopen(pem_path, "re");
	X509 *cert;
	int rc;

	if (!f) {
		snprintf(err, cap, "certificate %s: cannot be opened", pem_path);
		return TG_EIO;
	}
	ERR_clear_error();
	cert = PEM_read_X509(f, NULL, NULL, NULL);
	fclose(f);
	if (!cert) {
		say(err, cap, "certificate", pem_path);
		return TG_EINVAL;
	}
	rc = spki_of(cert, out);
	if (rc != 0)
		snprintf(err, cap, "certificate %s: its public key cannot be encoded", pem_path);
	X509_free(cert);
	return rc;
}
