/*
 * tls.c: the server's TLS context and the fingerprint that names a peer. It does no I/O.
 * Runs in the master, which makes the context that workers inherit, and in workers,
 * which make it anew from memory on a reload.
 *
 * What a client may choose is listed here, and not left to the library: anybody may send a
 * ClientHello, and would otherwise choose how much processor time it takes (a key share of the
 * group ffdhe8192: 180 ms). docs/decisions.md has the figures.
 */
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <timeglas/errors.h>
#include "base/client_cert.h"
#include "base/clock.h"
#include "net/tls.h"

#define CLASSIC_GROUPS "X25519:P-256:P-384"
#define HYBRID_GROUPS "X25519MLKEM768:" CLASSIC_GROUPS /* OpenSSL 3.5 and later */
#define CIPHERS "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256"
#define SIGALGS \
	"ECDSA+SHA256:ed25519:ECDSA+SHA384:ECDSA+SHA512:ed448:" \
	"rsa_pss_rsae_sha256:rsa_pss_rsae_sha384:rsa_pss_rsae_sha512:" \
	"rsa_pss_pss_sha256:rsa_pss_pss_sha384:rsa_pss_pss_sha512"
/* Client certificates may be signed by their authority with RSA PKCS#1, too; TLS 1.3 uses it
 * nowhere else. */
#define CLIENT_SIGALGS SIGALGS ":RSA+SHA256:RSA+SHA384:RSA+SHA512"
#define SECURITY_LEVEL 2      /* Debian's, and no lower where the library was built with less */
#define CHAIN_BYTES_MAX 16384 /* of a client's certificates */
#define CHAIN_DEPTH_MAX 3     /* authorities between a client's certificate and the root */
#define LIST_BYTES_MAX 1024   /* of each list of names in a hello */

/* Code points of TLS */
enum { EXT_GROUPS = 10, EXT_SIGALGS = 13, EXT_SIGALGS_CERT = 50, EXT_KEY_SHARE = 51 };
enum { GROUP_P256 = 23, GROUP_P384 = 24, GROUP_X25519 = 29, GROUP_X25519MLKEM768 = 0x11ec };

/* P-384 takes 2.4 ms, ten times as long as the other groups: so many handshakes with it are begun
 * in a second, by this process, and further ones are refused. Few clients need it. */
#define P384_PER_S 16u
static struct {
	uint64_t second;
	unsigned used;
} p384;

static const unsigned char session_context[] = "timeglas";

static void explain(char *err, size_t cap, const char *what, const char *path)
{
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());

	snprintf(err, cap, "%s %s: %s", what, path, reason ? reason : "unusable");
	ERR_clear_error();
}

/* What a hello may cost ---------------------------------------------------- */

static bool p384_is_left(void)
{
	uint64_t now = clock_mono_us() / 1000000;

	if (now != p384.second) {
		p384.second = now;
		p384.used = 0;
	}
	return p384.used++ < P384_PER_S;
}

static unsigned word(const unsigned char *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

/* Returns whether the library will use P-384: it takes the first key share of a group that it
 * knows. */
static bool chooses_p384(const unsigned char *p, size_t n)
{
	for (size_t at = 2; at + 4 <= n; at += 4 + word(p + at + 2)) {
		unsigned group = word(p + at);

		if (group == GROUP_P384)
			return true;
		if (group == GROUP_X25519 || group == GROUP_P256 || group == GROUP_X25519MLKEM768)
			return false;
	}
	return false;
}

/* Called with each ClientHello before anything is computed for it. */
static int on_hello(SSL *ssl, int *alert, void *ctx)
{
	static const unsigned lists[] = {EXT_GROUPS, EXT_SIGALGS, EXT_SIGALGS_CERT};
	const unsigned char *p;
	size_t n;

	(void)ctx;
	*alert = SSL_AD_HANDSHAKE_FAILURE;
	if (SSL_client_hello_get0_ciphers(ssl, &p) > LIST_BYTES_MAX)
		return SSL_CLIENT_HELLO_ERROR;
	for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
		if (SSL_client_hello_get0_ext(ssl, lists[i], &p, &n) == 1 && n > LIST_BYTES_MAX)
			return SSL_CLIENT_HELLO_ERROR;
	if (SSL_client_hello_get0_ext(ssl, EXT_KEY_SHARE, &p, &n) == 1 && chooses_p384(p, n) &&
		!p384_is_left())
		return SSL_CLIENT_HELLO_ERROR;
	return SSL_CLIENT_HELLO_SUCCESS;
}

static int on_verified(int ok, X509_STORE_CTX *x)
{
	if (ok && X509_STORE_CTX_get_error_depth(x) == 0 &&
		client_cert_fault(X509_STORE_CTX_get_current_cert(x)) != NULL) {
		X509_STORE_CTX_set_error(x, X509_V_ERR_INVALID_PURPOSE);
		return 0;
	}
	return ok;
}

/* No resumption: it would skip the check of the certificate. No renegotiation: it would repeat the
 * check within a request. */
static bool set_policy(SSL_CTX *ctx)
{
	SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION);
	if (SSL_CTX_get_security_level(ctx) < SECURITY_LEVEL)
		SSL_CTX_set_security_level(ctx, SECURITY_LEVEL);
	SSL_CTX_set_options(ctx,
		SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
			SSL_OP_CLEANSE_PLAINTEXT | SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_num_tickets(ctx, 0);
	SSL_CTX_set_max_early_data(ctx, 0);
	SSL_CTX_set_recv_max_early_data(ctx, 0);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_session_id_context(ctx, session_context, sizeof session_context - 1);
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, on_verified);
	SSL_CTX_set_verify_depth(ctx, CHAIN_DEPTH_MAX);
	SSL_CTX_set_max_cert_list(ctx, CHAIN_BYTES_MAX);
	SSL_CTX_set_client_hello_cb(ctx, on_hello, NULL);
	/* A library without ML-KEM refuses the first list, because of one unknown name. */
	bool groups = SSL_CTX_set1_groups_list(ctx, HYBRID_GROUPS) == 1 ||
		SSL_CTX_set1_groups_list(ctx, CLASSIC_GROUPS) == 1;
	return groups && SSL_CTX_set_ciphersuites(ctx, CIPHERS) == 1 &&
		SSL_CTX_set1_sigalgs_list(ctx, SIGALGS) == 1 &&
		SSL_CTX_set1_client_sigalgs_list(ctx, CLIENT_SIGALGS) == 1;
}

/* Making ------------------------------------------------------------------- */

/* Instead of OpenSSL's own callback, which would ask for a passphrase on the terminal. */
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
	bool ok =
		key && SSL_CTX_use_PrivateKey(ctx, key) == 1 && SSL_CTX_check_private_key(ctx) == 1;

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

SSL_CTX *tls_server_ctx(const struct tls_pem *cert, const struct tls_pem *key,
	const struct tls_pem *client_ca, char *err, size_t cap)
{
	SSL_CTX *ctx;

	ERR_clear_error();
	ctx = SSL_CTX_new(TLS_server_method());
	if (!ctx || !set_policy(ctx)) {
		explain(err, cap, "TLS", "context");
		SSL_CTX_free(ctx);
		return NULL;
	}
	ERR_clear_error();
	if (!use(ctx, cert, use_chain)) {
		explain(err, cap, "certificate", cert->name);
	} else if (!use(ctx, key, use_key)) {
		explain(err, cap, "private key", key->name);
	} else if (!use(ctx, client_ca, use_client_ca)) {
		explain(err, cap, "client CA", client_ca->name);
	} else {
		ERR_clear_error(); /* the end of a file of certificates is an error of PEM_read… */
		return ctx;
	}
	SSL_CTX_free(ctx);
	return NULL;
}

int tls_peer_spki(SSL *ssl, uint8_t out[32])
{
	X509 *cert = SSL_get0_peer_certificate(ssl);

	if (!cert || SSL_get_verify_result(ssl) != X509_V_OK || client_cert_spki(cert, out) != 0)
		return TG_EPEER;
	return 0;
}

/* What was checked at the handshake, looked at again ----------------------- */

int64_t tls_peer_expiry_ms(SSL *ssl)
{
	STACK_OF(X509) *chain = SSL_get0_verified_chain(ssl);
	int64_t first = INT64_MAX;

	for (int i = 0; chain && i < sk_X509_num(chain); i++) {
		struct tm tm;

		if (ASN1_TIME_to_tm(X509_get0_notAfter(sk_X509_value(chain, i)), &tm) != 1)
			return 0;
		int64_t end = ((int64_t)timegm(&tm) + 1) * 1000; /* the last second is part of it */
		if (end < first)
			first = end;
	}
	return first;
}

bool tls_peer_still_good(SSL *ssl, SSL_CTX *ctx)
{
	X509 *cert = SSL_get0_peer_certificate(ssl);
	X509_STORE_CTX *x = X509_STORE_CTX_new();
	bool ok = cert && x &&
		X509_STORE_CTX_init(
			x, SSL_CTX_get_cert_store(ctx), cert, SSL_get_peer_cert_chain(ssl)) == 1 &&
		X509_STORE_CTX_set_default(x, "ssl_client") == 1;

	if (ok) {
		X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(x);

		X509_VERIFY_PARAM_set_depth(param, CHAIN_DEPTH_MAX);
		X509_VERIFY_PARAM_set_auth_level(param, SECURITY_LEVEL);
		X509_STORE_CTX_set_verify_cb(x, on_verified);
		ok = X509_verify_cert(x) == 1;
	}
	X509_STORE_CTX_free(x);
	ERR_clear_error();
	return ok;
}

const char *tls_fault(SSL *ssl)
{
	unsigned long e = ERR_peek_error();
	long verified = SSL_get_verify_result(ssl);
	const char *reason;

	if (verified == X509_V_ERR_INVALID_PURPOSE)
		return "its certificate is not meant for clients (extended key usage clientAuth)";
	if (verified != X509_V_OK)
		return X509_verify_cert_error_string(verified);
	if (ERR_GET_LIB(e) != ERR_LIB_SSL)
		return "it sent more than a handshake takes, or its connection broke";
	switch (ERR_GET_REASON(e)) {
	case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
		return "it showed no certificate";
	case SSL_R_NO_SUITABLE_KEY_SHARE:
	case SSL_R_NO_SUITABLE_GROUPS:
		return "it offers none of the groups " CLASSIC_GROUPS;
	case SSL_R_UNSUPPORTED_PROTOCOL:
		return "it does not speak TLS 1.3";
	case SSL_R_HTTP_REQUEST:
	case SSL_R_WRONG_VERSION_NUMBER:
		return "it does not speak TLS";
	case SSL_R_CALLBACK_FAILED:
		return "its hello asks for more than a client gets before it is known";
	default:
		break;
	}
	reason = ERR_reason_error_string(e);
	return reason ? reason : "its handshake is not TLS 1.3";
}
