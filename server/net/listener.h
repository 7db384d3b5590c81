/* listener.h: a listening socket, which the master makes (one per worker with SO_REUSEPORT, one for
 * the admin process), and the accept loop of the process that has it. */
#ifndef NET_LISTENER_H
#define NET_LISTENER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "net/loop.h"

/** listener_bind(host, port, out_port, err, cap): a non-blocking, close-on-exec listening socket.
 * port 0: any. Returns the descriptor or -1. */
int listener_bind(const char *host, uint16_t port, uint16_t *out_port, char *err, size_t cap);

struct listener;
typedef void listener_cb(int fd, void *ctx); /* owns fd */
/** listener_new(l, fd, cb, ctx): accept from fd. Backs off for 100 ms when descriptors or memory
 * run out. */
struct listener *listener_new(struct loop *l, int fd, listener_cb *cb, void *ctx);
/**
 * Called when a connection waits and no descriptor is left for it, before the listener backs off.
 *
 * Returns true when it has closed something (or will have by the next turn): the listener then
 * tries again in the next turn, without backing off.
 */
typedef bool listener_relief_cb(void *ctx);
/** listener_set_relief(x, cb): cb gets listener_new()'s ctx; NULL (as at first): the listener backs
 * off at once. */
void listener_set_relief(struct listener *x, listener_relief_cb *cb);
/** listener_enable(x, on): stop and resume accepting (connection limit, drain). */
void listener_enable(struct listener *x, bool on);
void listener_free(struct listener *x); /* the descriptor stays open: it is the master's */

#endif
