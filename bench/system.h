/*
 * system.h: the systems that are compared under the load generator: timeglas; nginx with a Lua
 * handler, tuned or as one writes it first; webdis; and a Redis alone, for redis-benchmark
 * (ceiling.h). Every Redis is of the same program, settings and wiping environment as timeglas's
 * own. The configurations of the peers stand in bench/peers/.
 */
#ifndef BENCH_SYSTEM_H
#define BENCH_SYSTEM_H

#include "cpu.h"
#include "gen.h"
#include "server.h"

enum system_kind {
	SYSTEM_TIMEGLAS,
	SYSTEM_NGINX,
	SYSTEM_SIMPLE, /* nginx as one writes it first */
	SYSTEM_WEBDIS,
	SYSTEM_REDIS_TLS,
	SYSTEM_REDIS_UNIX,
	SYSTEM_KINDS
};

/* What the systems of one benchmark have in common. Certificates and Redis's settings come from a
 * timeglas that was started once and ended. */
struct system_set {
	char dir[PATH_CHARS], pki[PATH_CHARS];
	unsigned workers;    /* of the next system that is started */
	const char *program; /* timeglasd of the next; NULL: the one built with this program */
	bool anywhere;       /* leave it to the scheduler where processes run */
	bool named;          /* uploaders name their blobs in timeglas */
	unsigned started;    /* how many were started: each gets a folder of its own */
	struct server_settings redis;
	enum wipe_state wipes; /* whether that Redis overwrites freed memory */
	struct server example; /* ended; its paths are valid */
};

struct system {
	enum system_kind kind;
	struct server store; /* the peer's Redis; timeglas: all of it */
	pid_t front;         /* the peer's process before Redis; 0: none */
	struct gen_wire wire;
	struct cpu_set cpu;
};

/** Fills in all. dir: an empty folder. The caller has set workers, anywhere and named, or left them
 * 0. */
void system_set_open(struct system_set *all, const char *dir);

/** The name of a system, one word. */
const char *system_name(enum system_kind kind);
/** The kind of that name; -1: there is none. */
int system_kind(const char *word, size_t len);
/** The Debian package that a kind needs and that is not installed; NULL: nothing is missing. */
const char *system_missing(enum system_kind kind);

/** Starts a system and returns when it takes connections. Dies on failure. The caller calls
 * system_stop(). */
void system_start(struct system_set *all, enum system_kind kind, struct system *s);
void system_stop(struct system *s);

#endif
