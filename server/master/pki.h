/* pki.h: a certificate authority for --dev and for tests, to be thrown away: keys are P-256 and
 * certificates valid for 30 days. It must not be trusted for anything else. */
#ifndef MASTER_PKI_H
#define MASTER_PKI_H

#include <stddef.h>

enum pki_use {
	PKI_SERVER, /* for 127.0.0.1, ::1 and localhost */
	PKI_CLIENT
};

struct pki;

/**
 * Reads the authority from two PEM files. When they hold none that was made here, or one with less
 * than a day left, a new one is made and written there, the key with mode 0600.
 *
 * Returns a handle for pki_free(), or NULL with err.
 */
struct pki *pki_open(const char *cert_path, const char *key_path, char *err, size_t cap);
/** Frees the authority; its files stay. NULL is harmless. */
void pki_free(struct pki *p);
/** Makes a key and its certificate for CN=name and writes them into two PEM files, which are
 * replaced. Returns 0; or TG_EIO or TG_ENOMEM with err. */
int pki_issue(struct pki *p, const char *name, enum pki_use use, const char *cert_path,
	const char *key_path, char *err, size_t cap);

#endif
