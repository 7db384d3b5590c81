/*
 * http_tls.c: from what OpenSSL and libcurl say of a failed handshake to a sentence that names the
 * certificate, the fault and the cure. It changes no verdict: that a handshake failed is decided
 * where it failed. Runs in whatever process uses the library.
 */
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <string.h>
#include "lib/http_tls.h"

/* No question on the terminal: a key with a passphrase is one that cannot be read here. */
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

/* The client's own two files: libcurl tells neither which of them it is, nor why. */
static int own_files(struct tg_client *c)
{
	X509 *cert = read_certificate(c->cert);
	EVP_PKEY *key = read_key(c->key);
	int err;

	if (cert == NULL)
		err = http_fail(c, TG_EINVAL,
			"%s holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)",
			c->cert);
	else if (key == NULL)
		err = http_fail(c, TG_EINVAL,
			"%s holds no private key in PEM form (-----BEGIN PRIVATE KEY-----), or its "
			"passphrase is another",
			c->key);
	else if (X509_check_private_key(cert, key) != 1)
		err = http_fail(c, TG_EINVAL,
			"the key %s does not belong to the certificate %s: give the two that were "
			"made together",
			c->key, c->cert);
	else
		err = http_fail(c, TG_EINVAL, "the certificate %s or its key %s cannot be used: %s",
			c->cert, c->key, c->curl_error);
	ERR_clear_error();
	X509_free(cert);
	EVP_PKEY_free(key);
	return err;
}

/* The server's certificate was refused here. */
static int server_refused(struct tg_client *c)
{
	long why = X509_V_OK;

	curl_easy_getinfo(c->curl, CURLINFO_SSL_VERIFYRESULT, &why);
	if (strstr(c->curl_error, "subject name") != NULL) /* libcurl compares names itself */
		why = X509_V_ERR_HOSTNAME_MISMATCH;
	switch (why) {
	case X509_V_ERR_HOSTNAME_MISMATCH:
		return http_fail(c, TG_ETLS,
			"the server's certificate is not for %s: use the name or address that "
			"stands in it",
			c->url);
	case X509_V_ERR_CERT_HAS_EXPIRED:
		return http_fail(c, TG_ETLS,
			"the server's certificate, or its authority's, has expired: its operator "
			"has to renew it (or this machine's clock is wrong)");
	case X509_V_ERR_CERT_NOT_YET_VALID:
		return http_fail(c, TG_ETLS,
			"the server's certificate, or its authority's, is not valid yet: look at "
			"this machine's clock");
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_CERT_SIGNATURE_FAILURE:
		return http_fail(c, TG_ETLS,
			"the authority in %s did not issue the certificate of %s: give the "
			"server's own authority, or this is another server",
			c->ca, c->url);
	default:
		return http_fail(c, TG_ETLS,
			"the server's certificate is refused: %s (authority: %s)",
			X509_verify_cert_error_string(why), c->ca);
	}
}

/* What the other side said before it hung up, and what to make of it. Its words come as OpenSSL's
 * text of the alert. */
static const struct alert {
	const char *text;
	const char *before, *after; /* its file's name */
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

static int alert_received(struct tg_client *c)
{
	for (size_t i = 0; i < sizeof alerts / sizeof alerts[0]; i++)
		if (strstr(c->curl_error, alerts[i].text) != NULL)
			return http_fail(
				c, TG_ETLS, "%s%s%s", alerts[i].before, c->cert, alerts[i].after);
	return 0;
}

/* "…:error:0A00010B:SSL routines::wrong version number": the last part is for people. */
static const char *reason(const char *text)
{
	const char *last = strstr(text, "SSL routines:");

	if (last == NULL)
		return text;
	last = strrchr(last, ':');
	return last[1] != '\0' ? last + 1 : text;
}

static int handshake_failed(struct tg_client *c)
{
	const char *why = reason(c->curl_error);

	if (strstr(why, "wrong version number") != NULL ||
		strstr(why, "packet length too long") != NULL ||
		strstr(why, "http request") != NULL)
		return http_fail(c, TG_ETLS,
			"what answers at %s does not speak TLS: is the port right?", c->url);
	if (strstr(why, "protocol version") != NULL || strstr(why, "unsupported protocol") != NULL)
		return http_fail(c, TG_ETLS,
			"the server at %s does not speak TLS 1.3, and nothing older is spoken here",
			c->url);
	if (strstr(why, "Connection reset") != NULL || strstr(why, "SYSCALL") != NULL)
		return 0;
	return http_fail(c, TG_ETLS, "no TLS connection with %s: %s", c->url, why);
}

int http_broken_error(struct tg_client *c)
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
		return http_fail(c, TG_ETLS,
			"the client certificate %s has expired: have a new one issued", c->cert);
	text = after != NULL                                           ? after + 2 :
		strstr(text, "getpeername") != NULL || text[0] == '\0' ? "it was reset" :
									 text;
	len = (int)strcspn(text, ",");
	if (status != 0)
		return http_fail(c, TG_ENET,
			"the connection broke in the middle of the answer: %.*s", len, text);
	return http_fail(c, TG_ENET,
		"the connection broke before there was an answer (%.*s); if it does each time, the "
		"server may not accept the client certificate %s",
		len, text, c->cert);
}

int http_tls_error(struct tg_client *c, CURLcode rc)
{
	switch (rc) {
	case CURLE_SSL_CERTPROBLEM:
		return own_files(c);
	case CURLE_SSL_CACERT_BADFILE:
		return http_fail(c, TG_EINVAL,
			"%s holds no certificates in PEM form (-----BEGIN CERTIFICATE-----)",
			c->ca);
	case CURLE_PEER_FAILED_VERIFICATION:
		return server_refused(c);
	case CURLE_SSL_CONNECT_ERROR: {
		int err = alert_received(c);

		return err != 0 ? err : handshake_failed(c);
	}
	/* TLS 1.3: the server judges our certificate when the handshake is over on our side */
	case CURLE_RECV_ERROR:
	case CURLE_SEND_ERROR:
		return alert_received(c);
	default:
		return 0;
	}
}
