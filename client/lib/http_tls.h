/* http_tls.h: what a failed TLS connection means to whoever runs the client. Not installed. */
#ifndef TG_LIB_HTTP_TLS_H
#define TG_LIB_HTTP_TLS_H

#include "lib/http_conn.h"

/**
 * Says whether TLS or a certificate ended the transfer.
 *
 * @c   gets a sentence that names the certificate, what is wrong with it and what to do
 * @rc  libcurl's result of the transfer
 *
 * Returns TG_EINVAL (a file on this machine is wrong), TG_ETLS (one side refuses the other; trying
 * again does not help), or 0: something else ended it, and c is unchanged.
 */
int http_tls_fail(struct http_conn *c, CURLcode rc);

/**
 * Explains a connection that broke before there was a whole answer, without any reason.
 *
 * @c  gets the sentence
 *
 * Returns TG_ENET, or TG_ETLS when the client's certificate has expired, which is reason enough.
 */
int http_tls_fail_broken(struct http_conn *c);

#endif
