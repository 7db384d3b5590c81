/*
 * http_tls.c: turns what OpenSSL and libcurl say about a failed handshake into a sentence that
 * names the certificate, the fault and the cure. It decides nothing: the handshake has failed
 * already. Runs in the library.
 */
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <string.h>
#include <timeglas/errors.h>
#include "lib/http_tls.h"

/* Without this callback OpenSSL would ask for a passphrase on the terminal. */
static int no_passphrase(char *buf, int size, int writing, void *ctx)
{
	(void)buf, (void)size, (void)writing, (void)ctx;
	return 0;
}

static X509 *read_certificate(const char *path)
{
	BIO *in = BIO_new_file(path, "r");
	X509 *cert = in != NULL ? PEM_read_bio_X509_AUX(in, NULL, no_passphrase, NULL) : NULL;

	BIO_free(in);
	ERR_clear_error();
	return cert;
}

static EVP_PKEY *read_key(const char *path)
{
	BIO *in = BIO_new_file(path, "r");
	EVP_PKEY *key = in != NULL ? PEM_read_bio_PrivateKey(in, NULL, no_passphrase, NULL) : NULL;

	BIO_free(in);
	ERR_clear_error();
	return key;
}

/* libcurl says neither which of the client's two files is wrong, nor why. */
static int own_files(struct http_conn *c)
{
	X509 *cert = read_certificate(c->cert);
	EVP_PKEY *key = read_key(c->key);
	int err;

	if (cert == NULL)
		err = http_conn_fail(c, TG_EINVAL,
			"%s holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)",
			c->cert);
	else if (key == NULL)
		err = http_conn_fail(c, TG_EINVAL,
			"%s holds no private key in PEM form (-----BEGIN PRIVATE KEY-----), or it "
			"needs a passphrase that was not given",
			c->key);
	else if (X509_check_private_key(cert, key) != 1)
		err = http_conn_fail(c, TG_EINVAL,
			"the key %s does not belong to the certificate %s: give the two that were "
			"made together",
			c->key, c->cert);
	else
		err = http_conn_fail(c, TG_EINVAL,
			"the certificate %s or its key %s cannot be used: %s", c->cert, c->key,
			c->curl_error);
	ERR_clear_error();
	X509_free(cert);
	EVP_PKEY_free(key);
	return err;
}

/* This client refused the server's certificate. */
static int server_refused(struct http_conn *c)
{
	long why = X509_V_OK;

	curl_easy_getinfo(c->curl, CURLINFO_SSL_VERIFYRESULT, &why);
	if (strstr(c->curl_error, "subject name") != NULL) /* libcurl compares names itself */
		why = X509_V_ERR_HOSTNAME_MISMATCH;
	switch (why) {
	case X509_V_ERR_HOSTNAME_MISMATCH:
		return http_conn_fail(c, TG_ETLS,
			"the server's certificate is not for %s: use the name or address that "
			"stands in it",
			c->url);
	case X509_V_ERR_CERT_HAS_EXPIRED:
		return http_conn_fail(c, TG_ETLS,
			"the server's certificate, or its authority's, has expired: its operator "
			"has to renew it (or this machine's clock is wrong)");
	case X509_V_ERR_CERT_NOT_YET_VALID:
		return http_conn_fail(c, TG_ETLS,
			"the server's certificate, or its authority's, is not valid yet: look at "
			"this machine's clock");
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_CERT_SIGNATURE_FAILURE:
		return http_conn_fail(c, TG_ETLS,
			"the authority in %s did not issue the certificate of %s: give the "
			"server's own authority, or this is another server",
			c->ca, c->url);
	default:
		return http_conn_fail(c, TG_ETLS,
			"the server's certificate is refused: %s (authority: %s)",
			X509_verify_cert_error_string(why), c->ca);
	}
}

/* A TLS alert by which the server ends the connection, as OpenSSL spells it, and the sentence for
 * the user, which names the client certificate's file in its middle. */
static const struct alert {
	const char *text;
	const char *before, *after; /* of the sentence */
} alerts[] = {
	{"alert unknown ca",
		"the server does not know the authority that issued the client certificate ",
		": use one that it issued, or have its operator add that authority"},
	{"alert certificate expired", "the client certificate ",
		" has expired: have a new one issued"},
	{"alert certificate revoked", "the client certificate ",
		" was revoked: have a new one issued"},
	{"alert certificate required",
		"the server got no client certificate that it could use from ", ""},
	{"alert unsupported certificate", "the server refuses the client certificate ",
		": it is not one for clients (extended key usage clientAuth)"},
	{"alert bad certificate", "the server refuses the client certificate ",
		": is it the one of a configured peer?"},
	{"alert certificate unknown", "the server refuses the client certificate ",
		": is it the one of a configured peer?"},
	{"alert access denied", "the server refuses the client certificate ",
		": is it the one of a configured peer?"},
	{"alert decrypt error", "the server refuses the client certificate ",
		": its signature does not verify there"},
};

static int alert_received(struct http_conn *c)
{
	for (size_t i = 0; i < sizeof alerts / sizeof alerts[0]; i++)
		if (strstr(c->curl_error, alerts[i].text) != NULL)
			return http_conn_fail(
				c, TG_ETLS, "%s%s%s", alerts[i].before, c->cert, alerts[i].after);
	return 0;
}

/* Of "…:error:0A00010B:SSL routines::wrong version number" only the last part is for people. */
static const char *reason(const char *text)
{
	const char *last = strstr(text, "SSL routines:");

	if (last == NULL)
		return text;
	last = strrchr(last, ':');
	return last[1] != '\0' ? last + 1 : text;
}

static int handshake_failed(struct http_conn *c)
{
	const char *why = reason(c->curl_error);

	if (strstr(why, "wrong version number") != NULL ||
		strstr(why, "packet length too long") != NULL ||
		strstr(why, "http request") != NULL)
		return http_conn_fail(c, TG_ETLS,
			"what answers at %s does not speak TLS: is the port right?", c->url);
	if (strstr(why, "protocol version") != NULL || strstr(why, "unsupported protocol") != NULL)
		return http_conn_fail(c, TG_ETLS,
			"the server at %s does not speak TLS 1.3, and nothing older is spoken here",
			c->url);
	if (strstr(why, "Connection reset") != NULL || strstr(why, "SYSCALL") != NULL)
		return 0;
	return http_conn_fail(c, TG_ETLS, "no TLS connection with %s: %s", c->url, why);
}

int http_tls_fail_broken(struct http_conn *c)
{
	const char *text = c->curl_error,
		   *after = strncmp(text, "OpenSSL SSL_", 12) == 0 ? strstr(text, ": ") : NULL;
	X509 *cert = read_certificate(c->cert);
	bool expired = cert != NULL && X509_cmp_current_time(X509_get0_notAfter(cert)) < 0;
	long status = 0;
	int len;

	X509_free(cert);
	curl_easy_getinfo(c->curl, CURLINFO_RESPONSE_CODE, &status);
	if (expired && status == 0)
		return http_conn_fail(c, TG_ETLS,
			"the client certificate %s has expired: have a new one issued", c->cert);
	text = after != NULL                                           ? after + 2 :
		strstr(text, "getpeername") != NULL || text[0] == '\0' ? "it was reset" :
									 text;
	len = (int)strcspn(text, ",");
	if (status != 0)
		return http_conn_fail(c, TG_ENET,
			"the connection broke in the middle of the answer: %.*s", len, text);
	return http_conn_fail(c, TG_ENET,
		"the connection broke before there was an answer (%.*s); if it does each time, the "
		"server may not accept the client certificate %s",
		len, text, c->cert);
}

int http_tls_fail(struct http_conn *c, CURLcode rc)
{
	switch (rc) {
	case CURLE_SSL_CERTPROBLEM:
		return own_files(c);
	case CURLE_SSL_CACERT_BADFILE:
		return http_conn_fail(c, TG_EINVAL,
			"%s holds no certificates in PEM form (-----BEGIN CERTIFICATE-----)",
			c->ca);
	case CURLE_PEER_FAILED_VERIFICATION:
		return server_refused(c);
	case CURLE_SSL_CONNECT_ERROR: {
		int err = alert_received(c);

		return err != 0 ? err : handshake_failed(c);
	}
	/* In TLS 1.3 the server judges our certificate after our side has ended the handshake. */
	case CURLE_RECV_ERROR:
	case CURLE_SEND_ERROR:
		return alert_received(c);
	default:
		return 0;
	}
}
