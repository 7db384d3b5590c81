/*
 * redis_embed.h: the process of the embedded Redis, which a server has whose configuration names no
 * store. It writes nothing to a disk, evicts nothing, and ends with the master.
 */
#ifndef MASTER_REDIS_EMBED_H
#define MASTER_REDIS_EMBED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include "conf/conf.h"
#include "wipe/wipe.h"

/* the only Redis user that may do anything, unless store_open_socket is set */
#define REDIS_EMBED_USER "timeglasd"
#define REDIS_EMBED_PASSWORD 32 /* characters */
/*
 * The settings of its allocator, jemalloc:
 * junk:free           what is freed is overwritten.
 * thp:always          huge pages. The kernel scans the pages of a large store about once a second;
 *                     with small pages that delays removals by milliseconds. Large dictionaries
 *                     have small pages all the same: wipe/preload.c.
 * dirty_decay_ms:-1   free pages are kept. To give them back and take new ones, which the kernel
 *                     clears, makes many removals at once take twice as long.
 */
#define REDIS_EMBED_MALLOC_CONF "junk:free,thp:always,dirty_decay_ms:-1"

struct redis_embed {
	const char *socket, *dir;                /* paths; not owned */
	char password[REDIS_EMBED_PASSWORD + 1]; /* "": none is needed */
};

/** Draws a password. It never leaves the processes of this server. */
void redis_embed_draw_password(struct redis_embed *e);
/** Writes the configuration that Redis reads from its standard input, password included. max_bytes:
 * its maxmemory. Returns the length of the whole; it was cut when that is cap or more. Pure. */
size_t redis_embed_config(const struct conf *c, const struct redis_embed *e, uint64_t max_bytes,
	char *buf, size_t cap);
/** Starts Redis. Returns its pid, or -1, which is logged. It may not answer yet. */
pid_t redis_embed_spawn(const struct conf *c, const struct redis_embed *e);
/** Returns whether Redis answers. This call and the next two wait for 200 ms at most, for each
 * answer. */
bool redis_embed_ping(const struct redis_embed *e);
/** Returns what Redis's process overwrites of the memory that it frees and moves; WIPE_UNKNOWN
 * without an answer. */
enum wipe_state redis_embed_wipes(const struct redis_embed *e);
/** Counts the blobs that are visible to a peer, for at most five seconds; uploads under way are not
 * counted. To be called when nobody uses Redis any more. Returns 0; or TG_ESTORE: an answer is
 * missing or time was up, and *n are those that were counted. */
int redis_embed_count_blobs(const struct redis_embed *e, uint64_t *n);
/** Counts the events that no recorder has taken away, as redis_embed_count_blobs() counts blobs. */
int redis_embed_count_events(const struct redis_embed *e, uint64_t *n);
/** Returns 1 when a blob is live, or on its way in or out; 0 when none is; -1 without an answer. */
int redis_embed_holds_blobs(const struct redis_embed *e);

#endif
