/* client_cert.h: what a client's certificate must be, besides being vouched for: one rule for the
 * handshake and for who checks a configuration. */
#ifndef BASE_CLIENT_CERT_H
#define BASE_CLIENT_CERT_H

#include <openssl/x509.h>

/**
 * Tells what, besides its chain, bars a client certificate.
 *
 * Returns a static text that goes on "the certificate cannot be a client's: ", or NULL when it may
 * be one.
 */
const char *client_cert_fault(X509 *cert);

#endif
