/*
 * systems.h: what is compared under the load generator: timeglas; nginx with a Lua handler (tuned,
 * and as one writes it first), and webdis, each in front of a Redis of the same program, settings
 * and wiping environment as timeglas's own; and such a Redis alone, which redis-benchmark speaks to
 * (ceiling.h). Configurations stand in bench/peers/.
 */
#ifndef BENCH_SYSTEMS_H
#define BENCH_SYSTEMS_H

#include "cpu.h"
#include "gen.h"
#include "servers.h"

enum system_kind {
	SYSTEM_TIMEGLAS,
	SYSTEM_NGINX,
	SYSTEM_SIMPLE,
	SYSTEM_WEBDIS,
	SYSTEM_REDIS_TLS,
	SYSTEM_REDIS_UNIX,
	SYSTEM_KINDS
};

/* What all have in common; a timeglas that was started once, and ended, gave certificates and
 * settings. */
struct systems {
	char dir[PATH_CHARS], pki[PATH_CHARS];
	unsigned workers;    /* of the next that is started */
	const char *program; /* the same: a timeglasd; NULL: the one beside this program */
	bool anywhere;       /* no process is told where to run */
	bool named;          /* a timeglas' blobs are named by their uploader */
	unsigned started;    /* each gets a folder of its own */
	struct redis_like redis;
	enum wipe_state wipes; /* that Redis */
	struct server example; /* ended; its paths hold */
};

struct system {
	enum system_kind kind;
	struct server store; /* timeglas: all of it */
	pid_t front;         /* others: what stands before Redis */
	struct gen_wire wire;
	struct cpu_set cpu;
};

/** systems_open(all, dir): dir: an empty folder. all->workers and all->anywhere are kept. */
void systems_open(struct systems *all, const char *dir);
/** system_name(kind): one word. system_kind(word, len): -1 when there is none. */
const char *system_name(enum system_kind kind);
int system_kind(const char *word, size_t len);
/** system_missing(kind): the Debian package that is not installed, or NULL. */
const char *system_missing(enum system_kind kind);
/** system_start(all, kind, s): returns when it takes connections. Dies on failure. */
void system_start(struct systems *all, enum system_kind kind, struct system *s);
void system_stop(struct system *s);

#endif
