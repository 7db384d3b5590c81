/* loopback_host.h: tells whether a Host field names this machine. It refuses web pages whose own
 * name resolves to 127.0.0.1 (DNS rebinding), as their browser sends that name. */
#ifndef ADMIN_LOOPBACK_HOST_H
#define ADMIN_LOOPBACK_HOST_H

#include <stdbool.h>

#include "http/h1.h"

/** Returns whether host is localhost, a name below .localhost (RFC 6761), an address in
 * 127.0.0.0/8, or [::1]; with any port or none. */
bool loopback_host(struct h1_str host);

#endif
