/* loopback_host.h: does a Host field name this machine? A web page that has its own name point to
 * 127.0.0.1 (DNS rebinding) is told apart by that. */
#ifndef ADMIN_LOOPBACK_HOST_H
#define ADMIN_LOOPBACK_HOST_H

#include <stdbool.h>

#include "http/h1.h"

/** loopback_host(host): localhost, a name below .localhost (RFC 6761), an address in 127.0.0.0/8 or
 * [::1]; with any port or none. */
bool loopback_host(struct h1_str host);

#endif
