/*
 * lookup.h: finds the addresses of a witness's name. getaddrinfo() waits as long as a name server
 * is silent, so a process of its own asks, and is killed when it is not wanted any more: nobody
 * else waits. It asks as every program of this machine does (nsswitch.conf, hosts, resolv.conf).
 */
#ifndef COURIER_LOOKUP_H
#define COURIER_LOOKUP_H

#include "courier/target.h"
#include "net/loop.h"

struct lookup;

/** Told once, never before lookup_start() has returned; then the lookup is to be freed. found: n
 * 0: there is none. */
typedef void lookup_cb(void *ctx, const struct target_addresses *found);

/** Begins. t is borrowed until return. Returns NULL when it cannot. */
struct lookup *lookup_start(struct loop *l, const struct target *t, lookup_cb *cb, void *ctx);
/** Ends it, and its process; nothing is told any more. NULL is harmless. */
void lookup_free(struct lookup *k);

#endif
