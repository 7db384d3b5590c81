/*
 * client_cert.h: what a client's certificate must be, beside having a chain to an authority, and by
 * what its client is known. The handshake and the check of a configuration use the same rule.
 */
#ifndef BASE_CLIENT_CERT_H
#define BASE_CLIENT_CERT_H

#include <stdint.h>
#include <openssl/x509.h>

/** Returns NULL when the certificate may be a client's, otherwise a static text that goes on "it
 * cannot be a client's: ". Its chain and its dates are not looked at. */
const char *client_cert_fault(X509 *cert);

/** Writes the SHA-256 of the certificate's SubjectPublicKeyInfo (DER), by which a peer is known.
 * Returns 0 or TG_EINVAL. */
int client_cert_spki(const X509 *cert, uint8_t out[32]);

#endif
