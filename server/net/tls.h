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
 * Makes the server's context. What it is given is borrowed until return.
 *
 * @cert       the server's certificate, and behind it those of its authorities
 * @key        its private key, without a passphrase
 * @client_ca  the authorities that may issue clients' certificates
 * @err        on failure: "what is wrong with which file", of at most cap - 1 bytes
 *
 * Returns it, for SSL_CTX_free(), or NULL.
 */
SSL_CTX *tls_server_ctx(const struct tls_pem *cert, const struct tls_pem *key,
	const struct tls_pem *client_ca, char *err, size_t cap);
/** Writes the name of the connection's peer into out: client_cert_spki() of its verified
 * certificate. Returns 0, or TG_EPEER when there is none. */
int tls_peer_spki(SSL *ssl, uint8_t out[32]);
/** Returns the Unix time at which the peer's verified chain ends, which is when its first
 * certificate does; INT64_MAX without a chain, 0 when a certificate's time cannot be read. */
int64_t tls_peer_expiry_ms(SSL *ssl);
/** Returns whether the authorities of ctx, which may be newer than the connection, would accept its
 * client's certificate now. Takes 0.1 ms. */
bool tls_peer_still_good(SSL *ssl, SSL_CTX *ctx);
/** Returns why the handshake has just failed: a clause about the peer ("it showed no certificate").
 * Valid until the next call to OpenSSL. */
const char *tls_fault(SSL *ssl);

#endif
