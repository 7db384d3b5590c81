/*
 * tls_files.h: the certificate, the key and the authorities that a configuration names. They are
 * read at the start (perhaps as root) and at each reload (as the server's user), in the master
 * alone: workers get the bytes that were checked.
 */
#ifndef MASTER_TLS_FILES_H
#define MASTER_TLS_FILES_H

#include <stddef.h>
#include <openssl/ssl.h>
#include "base/handover.h"
#include "conf/conf.h"

/**
 * Reads the three files, makes a TLS context of them, and puts their bytes and c into the handover.
 *
 * Returns the context, to be freed with SSL_CTX_free(); or NULL: then the handover is as it was,
 * and err says what is wrong and what to do.
 */
SSL_CTX *tls_files_load(const struct conf *c, struct handover *h, char *err, size_t cap);
/** Returns 0 when tls_files_load() would take the files now, otherwise TG_EINVAL with err. Nothing
 * is kept. */
int tls_files_check(const struct conf *c, char *err, size_t cap);

#endif
