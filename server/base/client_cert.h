/* client_cert.h: what a client's certificate must be, besides being vouched for, and what its
 * client is known by: one rule for the handshake and for who checks a configuration. */
#ifndef BASE_CLIENT_CERT_H
#define BASE_CLIENT_CERT_H

#include <stdint.h>
#include <openssl/x509.h>

/**
 * Tells what, besides its chain, bars a client certificate.
 *
 * Returns a static text that goes on "the certificate cannot be a client's: ", or NULL when it may
 * be one.
 */
const char *client_cert_fault(X509 *cert);

/** client_cert_spki(cert, out): what a peer is known by: SHA-256 of the certificate's
 * SubjectPublicKeyInfo (DER). Returns 0 or TG_EINVAL. */
int client_cert_spki(const X509 *cert, uint8_t out[32]);

#endif
