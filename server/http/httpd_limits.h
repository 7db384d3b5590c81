/* httpd_limits.h: what the owner of a server limits; times are in seconds. */
#ifndef HTTP_HTTPD_LIMITS_H
#define HTTP_HTTPD_LIMITS_H

#include <stddef.h>

struct httpd_limits {
	unsigned max_connections; /* of peers */
	unsigned max_unknown; /* connections that are in their handshake or no peer's; 0: 1024 */
	unsigned handshake_timeout_s; /* from accept until the handshake is complete */
	unsigned head_timeout_s;      /* from a head's first byte to its last */
	unsigned body_idle_s;         /* without a byte of the content that is awaited */
	unsigned send_idle_s;         /* without the kernel taking a byte of an answer */
	unsigned idle_timeout_s;      /* between two requests */
	unsigned handler_timeout_s;   /* for an answer to a whole request; 0: 30 */
	unsigned linger_max_s;        /* after the last answer, however much still comes; 0: 10 */
	size_t body_window_bytes;     /* content that may wait for the handler */
	/* bytes of an answer that may wait for the client; more than BUFFER_OUT_LOW_BYTES */
	size_t reply_window_bytes;
};

#endif
