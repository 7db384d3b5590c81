/*
 * pem.h: checks certificate and key files, so that a mistake shows before anything starts.
 *
 * Each call returns 0; or TG_EIO (the file cannot be read) or TG_EINVAL, with "what is wrong; what
 * to do" in why, which names the file. A key that needs a passphrase is refused: nobody is asked.
 */
#ifndef CONF_PEM_H
#define CONF_PEM_H

#include <stddef.h>
#include <stdint.h>
#include <openssl/x509.h>

/** Reads every certificate of a file, in order; there is at least one. out: to be freed by
 * sk_X509_pop_free(*out, X509_free), also on failure. */
int pem_chain(const char *path, STACK_OF(X509) * *out, char *why, size_t cap);
/** Writes the SHA-256 of the first certificate's SubjectPublicKeyInfo (DER) into out. */
int pem_spki(const char *path, uint8_t out[32], char *why, size_t cap);
/** Checks that the first certificate of the file can be read and is valid now. */
int pem_check_certificate(const char *path, char *why, size_t cap);
/** Checks that the key can be read, but not by everybody, and belongs to the first certificate of
 * the file `certificate`. */
int pem_check_key(const char *path, const char *certificate, char *why, size_t cap);

#endif
