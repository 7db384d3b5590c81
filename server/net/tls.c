/*
 * tls.c: the server's TLS context and the fingerprint that names a peer. It does no I/O but reading PEM files. Runs in the
 * workers, and in whoever checks a configuration.
 */
#include <stdio.h>
#include <string.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <timeglas/errors.h>
#include "net/tls.h"

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

SSL_CTX *tls_server_ctx(const char *cert_pem, const char *key_pem, const char *client_ca_pem, char *err, size_t cap)
{
	SSL_CTX *ctx;
	STACK_OF(X509_NAME) *names;

	ERR_clear_error();
	ctx = SSL_CTX_new(TLS_server_method());
	if (!ctx) {
		say(err, cap, "TLS", "context");
		return NULL;
	}
	set_policy(ctx);
	if (SSL_CTX_use_certificate_chain_file(ctx, cert_pem) != 1) {
		say(err, cap, "certificate", cert_pem);
	} else if (SSL_CTX_use_PrivateKey_file(ctx, key_pem, SSL_FILETYPE_PEM) != 1 || SSL_CTX_check_private_key(ctx) != 1) {
		say(err, cap, "private key", key_pem);
	} else if (SSL_CTX_load_verify_file(ctx, client_ca_pem) != 1 || !(names = SSL_load_client_CA_file(client_ca_pem))) {
		say(err, cap, "client CA", client_ca_pem);
	} else {
		SSL_CTX_set_client_CA_list(ctx, names);
		return ctx;
	}
	SSL_CTX_free(ctx);
	return NULL;
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
