/*
 * reload.h: what workers serve with: the configuration, and TLS as its files say. The master reads
 * the files, at the start (perhaps as root) and on SIGHUP (as the user that it has become), and
 * keeps the last good state; workers inherit it when they are forked and get later ones through the
 * handover. Whole or not at all: nothing has changed when anything is wrong.
 */
#ifndef MASTER_RELOAD_H
#define MASTER_RELOAD_H

#include <stddef.h>
#include <openssl/ssl.h>
#include "base/handover.h"
#include "conf/conf.h"

/** reload_tls(c, h, err, cap): read what c names, and leave it with c in h. Returns the context, or
 * NULL with err, and h as it was. */
SSL_CTX *reload_tls(const struct conf *c, struct handover *h, char *err, size_t cap);
/** reload_check(c, err, cap): would reload_tls() take it? 0, or TG_EINVAL with err. Nothing is
 * kept. */
int reload_check(const struct conf *c, char *err, size_t cap);

#endif
