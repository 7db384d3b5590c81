/* http_tls.h: inside of the client's HTTP half: what a TLS failure means to whoever runs the
 * client. Not installed. */
#ifndef TG_LIB_HTTP_TLS_H
#define TG_LIB_HTTP_TLS_H

#include "lib/http.h"

/**
 * http_tls_error(c, rc): was it TLS, or a certificate, that ended the transfer with rc? Then
 * c->error says which certificate, what is wrong with it and what to do. Returns TG_EINVAL (a file
 * of this machine's), TG_ETLS (one of the two sides refuses the other: trying again does not help),
 * or 0: it was something else.
 */
int http_tls_error(struct tg_client *c, CURLcode rc);
/**
 * http_broken_error(c): the connection broke before there was a whole answer, and no reason came.
 * Returns TG_ENET, or TG_ETLS when the client's certificate has expired, which is reason enough.
 */
int http_broken_error(struct tg_client *c);

#endif
