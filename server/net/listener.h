/* listener.h: a listening socket, which the master makes (one for each worker with SO_REUSEPORT,
 * one for the admin process), and the accept loop of the process that has it. */
#ifndef NET_LISTENER_H
#define NET_LISTENER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "net/loop.h"

/**
 * Makes a non-blocking, close-on-exec listening socket.
 *
 * @host      a name or an address
 * @port      0: any
 * @out_port  set to the one that it has; may be NULL
 * @err       on failure: why, as a sentence of at most cap - 1 bytes
 *
 * Returns the descriptor, which is the caller's, or -1.
 */
int listener_bind(const char *host, uint16_t port, uint16_t *out_port, char *err, size_t cap);

/**
 * Whether another program listens there. Sockets of listener_bind() have SO_REUSEPORT, so a second
 * program of the same user could share the port of the first; it asks before it binds.
 *
 * Returns false where that cannot be told: port 0, or a host that is a name.
 */
bool listener_is_taken(const char *host, uint16_t port);

struct listener;

/** Takes a connection that was accepted. The callee owns fd. It may call listener_free(). */
typedef void listener_cb(int fd, void *ctx);
/**
 * Called when a connection waits and there is no descriptor or no memory for it, before the
 * listener stops for 100 ms.
 *
 * Returns true when it has closed something (or will have by the next turn): the listener then
 * tries again in the next turn, without stopping.
 */
typedef bool listener_relief_cb(void *ctx);

/**
 * Begins to accept. When descriptors or memory run out, it stops for 100 ms, and the log says so.
 *
 * @fd  of listener_bind(); borrowed, and outlives the listener
 * @cb  called with each connection, up to 64 in a turn
 *
 * Returns the listener, for listener_free(); NULL without memory.
 */
struct listener *listener_new(struct loop *l, int fd, listener_cb *cb, void *ctx);
/** Sets the callback that makes room; it gets listener_new()'s ctx. NULL (as at first): the
 * listener stops at once. */
void listener_set_relief(struct listener *x, listener_relief_cb *cb);
/** Stops or resumes accepting. Connections that come meanwhile wait in the kernel. */
void listener_enable(struct listener *x, bool on);
/** Ends accepting, and frees the listener. It may be called from the listener's callbacks; fd stays
 * open. NULL is harmless. */
void listener_free(struct listener *x);

#endif
