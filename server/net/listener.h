/* listener.h: a listening socket, which the master makes (one per worker with SO_REUSEPORT, one for
 * the admin process), and the accept loop of the process that has it. */
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
 * @err       on failure why, in words
 *
 * Returns the descriptor or -1.
 */
int listener_bind(const char *host, uint16_t port, uint16_t *out_port, char *err, size_t cap);

struct listener;

/** Called with each connection that was accepted; the callee owns fd. */
typedef void listener_cb(int fd, void *ctx);
/** listener_new(l, fd, cb, ctx): accepts from fd, which stays the caller's. It stops for 100 ms
 * when descriptors or memory run out. Returns NULL without memory. */
struct listener *listener_new(struct loop *l, int fd, listener_cb *cb, void *ctx);
/**
 * Called when a connection waits and no descriptor is left for it, before the listener stops.
 *
 * Returns true when it has closed something (or will have by the next turn): the listener then
 * tries again in the next turn, without stopping.
 */
typedef bool listener_relief_cb(void *ctx);
/** listener_set_relief(x, cb): cb gets listener_new()'s ctx; NULL (as at first): the listener stops
 * at once. */
void listener_set_relief(struct listener *x, listener_relief_cb *cb);
/** listener_enable(x, on): stop and resume accepting (connection limit, drain). */
void listener_enable(struct listener *x, bool on);
/** listener_free(x): may be called from its callbacks; the descriptor stays open. NULL is fine. */
void listener_free(struct listener *x);

#endif
