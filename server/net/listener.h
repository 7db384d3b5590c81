/* listener.h: a listening socket (made by the master, one per worker with SO_REUSEPORT) and the accept loop of the worker that owns it. */
#ifndef NET_LISTENER_H
#define NET_LISTENER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "net/loop.h"

/** listener_bind(host, port, out_port, err, cap): a non-blocking, close-on-exec listening socket. port 0: any. Returns the descriptor or -1. */
int listener_bind(const char *host, uint16_t port, uint16_t *out_port, char *err, size_t cap);

struct listener;
typedef void listener_cb(int fd, void *ctx); /* owns fd */
/** listener_new(l, fd, cb, ctx): accept from fd. Backs off for 100 ms when descriptors or memory run out. */
struct listener *listener_new(struct loop *l, int fd, listener_cb *cb, void *ctx);
/** listener_enable(x, on): stop and resume accepting (connection limit, drain). */
void listener_enable(struct listener *x, bool on);
void listener_free(struct listener *x); /* the descriptor stays open: it is the master's */

#endif
