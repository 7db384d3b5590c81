/* pem.h: what the configuration must know about the files that it names, so that a mistake shows
 * before anything starts. */
#ifndef CONF_PEM_H
#define CONF_PEM_H

#include <stddef.h>
#include <stdint.h>
#include <openssl/x509.h>

/** Each returns 0, TG_EIO or TG_EINVAL; then why holds "what is wrong; what to do" (without the
 * file's name). */
/** pem_chain(path, out, why, cap): every certificate in it, in order; at least one.
 * sk_X509_pop_free(*out, X509_free) it. */
int pem_chain(const char *path, STACK_OF(X509) * *out, char *why, size_t cap);
/** pem_spki(path, out, why, cap): SHA-256 of the first certificate's SubjectPublicKeyInfo (DER). */
int pem_spki(const char *path, uint8_t out[32], char *why, size_t cap);
/** pem_check_certificate(path, why, cap): it parses and is valid now. */
int pem_check_certificate(const char *path, char *why, size_t cap);
/** pem_check_key(path, certificate, why, cap): it parses, belongs to the certificate and is not for
 * everybody to read. */
int pem_check_key(const char *path, const char *certificate, char *why, size_t cap);

#endif
