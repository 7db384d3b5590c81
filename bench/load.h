/*
 * load.h: a closed-loop load: each connection puts a blob, takes it, and puts the next one.
 * timeglas: over mTLS, as uploader and verifier; plain Redis: SET … PX and GETDEL. As many
 * connections as keep both cores busy.
 */
#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include <stdint.h>
#include "servers.h"

struct load;

/** load_start(s, blob, n, connections): returns once every connection has done its first put and
 * take. */
struct load *load_start(const struct server *s, const void *blob, size_t n, unsigned connections);
/** load_ops(l): puts and takes done so far. */
uint64_t load_ops(const struct load *l);
/** load_stop(l): NULL is fine. */
void load_stop(struct load *l);

#endif
