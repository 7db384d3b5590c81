/* pki.h: a throwaway certificate authority for --dev and for tests: P-256, 30 days. Nothing to
 * build trust on. */
#ifndef MASTER_PKI_H
#define MASTER_PKI_H

#include <stddef.h>

/* a server's certificate names 127.0.0.1, ::1 and localhost */
enum pki_use { PKI_SERVER, PKI_CLIENT };

struct pki;

/**
 * pki_open(cert, key, err, cap): the authority kept in two PEM files (the key 0600): read when it
 * is one of ours with a day left at least, otherwise made anew. NULL: err says why.
 */
struct pki *pki_open(const char *cert_path, const char *key_path, char *err, size_t cap);
void pki_free(struct pki *p);
/** pki_issue(p, name, use, cert, key, err, cap): a fresh key and its certificate for CN=name,
 * replacing both files. 0, TG_EIO or TG_ENOMEM. */
int pki_issue(struct pki *p, const char *name, enum pki_use use, const char *cert_path,
	const char *key_path, char *err, size_t cap);

#endif
