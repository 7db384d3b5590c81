/* tls.h: the server's TLS: 1.3 only, client certificate required, no tickets, no resumption, no
 * renegotiation, plaintext cleansed. */
#ifndef NET_TLS_H
#define NET_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <openssl/ssl.h>

struct tls_pem {
	const char *name; /* of its file, for messages */
	const void *bytes;
	size_t n;
};

/**
 * Makes the server's context.
 *
 * @cert       the server's certificate, and behind it those of its authorities
 * @key        its key, without a passphrase
 * @client_ca  the authorities that vouch for clients
 * @err        on failure "what is wrong with which file"
 *
 * Returns it, for SSL_CTX_free(), or NULL.
 */
SSL_CTX *tls_server_ctx(const struct tls_pem *cert, const struct tls_pem *key,
	const struct tls_pem *client_ca, char *err, size_t cap);
/** tls_peer_spki(ssl, out): client_cert_spki() of the peer's verified certificate. Returns 0 or
 * TG_EPEER. */
int tls_peer_spki(SSL *ssl, uint8_t out[32]);
/** tls_peer_expiry_ms(ssl): Unix time at which the first certificate of the peer's verified chain
 * ends; INT64_MAX without one. */
int64_t tls_peer_expiry_ms(SSL *ssl);
/** tls_peer_still_good(ssl, ctx): would the authorities of ctx let in this connection's certificate
 * now? 0.1 ms. */
bool tls_peer_still_good(SSL *ssl, SSL_CTX *ctx);
/** tls_fault(ssl): why its handshake has just failed, in words that go on "…: "; valid until the
 * next call to OpenSSL. */
const char *tls_fault(SSL *ssl);

#endif
