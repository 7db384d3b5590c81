/* redis_embed.h: the private redis-server of a timeglasd without a store of its own: volatile,
 * never evicting, dying with the master. */
#ifndef MASTER_REDIS_EMBED_H
#define MASTER_REDIS_EMBED_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include "conf/conf.h"
#include "wipe/wipe.h"

/* the only one who may do anything, unless the socket is open to all */
#define REDIS_EMBED_USER "timeglasd"
#define REDIS_EMBED_PASSWORD 32
/*
 * Its allocator: what is freed is overwritten (Debian's redis-server is linked with jemalloc). It
 * asks for huge pages: the kernel's looks at the pages of a large store, each second or more often,
 * delay removals by milliseconds when the pages are small. Free pages stay: giving them back and
 * taking them anew, huge and zeroed, would make a mass of removals twice as long
 * (docs/decisions.md). Tables of large dictionaries have small pages: wipe/preload.c.
 */
#define REDIS_EMBED_MALLOC_CONF "junk:free,thp:always,dirty_decay_ms:-1"

struct redis_embed {
	const char *socket, *dir;
	char password[REDIS_EMBED_PASSWORD + 1]; /* "": whoever can use the socket may use it */
};

/** redis_embed_draw_password(e): a fresh one, which never leaves this server's processes. */
void redis_embed_draw_password(struct redis_embed *e);
/** redis_embed_config(c, e, max_bytes, buf, cap): what it is told on its standard input. Returns
 * the length; cap or more: cut. Pure. */
size_t redis_embed_config(const struct conf *c, const struct redis_embed *e, uint64_t max_bytes,
	char *buf, size_t cap);
/** redis_embed_spawn(c, e): start it. Returns its pid, or -1 with a line in the log. */
pid_t redis_embed_spawn(const struct conf *c, const struct redis_embed *e);
/** redis_embed_ping(e): does it answer? Waits for at most 200 ms. */
bool redis_embed_ping(const struct redis_embed *e);
/** redis_embed_wipes(e): does it overwrite freed memory? Waits for at most 200 ms. */
enum wipe_state redis_embed_wipes(const struct redis_embed *e);
/** redis_embed_holds_blobs(e): is any blob live, or on its way in or out? 1, 0, or -1 when it does
 * not answer. */
int redis_embed_holds_blobs(const struct redis_embed *e);

#endif
