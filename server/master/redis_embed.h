/* redis_embed.h: the private redis-server of a timeglasd without a store of its own: volatile, never evicting, dying with the master. */
#ifndef MASTER_REDIS_EMBED_H
#define MASTER_REDIS_EMBED_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include "conf/conf.h"

/** redis_embed_config(c, socket, dir, max_bytes, buf, cap): what it is told on its standard input. Returns the length; cap or more: cut. Pure. */
size_t redis_embed_config(const struct conf *c, const char *socket, const char *dir, uint64_t max_bytes, char *buf, size_t cap);
/** redis_embed_spawn(c, socket, dir): start it. Returns its pid, or -1 with a line in the log. */
pid_t redis_embed_spawn(const struct conf *c, const char *socket, const char *dir);
/** redis_embed_ping(socket): does it answer? Waits for at most 200 ms. */
bool redis_embed_ping(const char *socket);
/** redis_embed_holds_blobs(socket): is any blob live, or on its way in or out? 1, 0, or -1 when it does not answer. */
int redis_embed_holds_blobs(const char *socket);

#endif
