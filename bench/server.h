/* server.h: starts and ends the servers under test: timeglasd --dev, and a plain Redis of the same
 * program and settings. Every function dies on failure. */
#ifndef BENCH_SERVER_H
#define BENCH_SERVER_H

#include <stdbool.h>
#include <sys/types.h>
#include <hiredis/hiredis.h>
#include "wipe/wipe.h"

#define PATH_CHARS 256
#define SETTINGS_MAX 40
#define SETTING_CHARS 128

struct server {
	bool plain; /* a Redis, not timeglas */
	pid_t pid;  /* of timeglasd, or of the plain redis-server */
	pid_t redis_pid;
	char socket[PATH_CHARS]; /* of its Redis */
	redisContext *redis;     /* a blocking connection to its Redis; owned */
	/* timeglas only */
	char dir[PATH_CHARS]; /* with the certificates of all roles */
	char host[64], port[8], ca[PATH_CHARS];
	char uploader_cert[PATH_CHARS], uploader_key[PATH_CHARS], verifier_cert[PATH_CHARS],
		verifier_key[PATH_CHARS];
};

/* What a plain Redis must have in common with the one of timeglas. */
struct server_settings {
	char program[PATH_CHARS], version[16];
	char setting[SETTINGS_MAX][2][SETTING_CHARS]; /* "--name", value */
	unsigned n;
};

/**
 * Starts timeglasd --dev and returns when it is ready.
 *
 * @dir      a folder that does not exist yet
 * @program  a timeglasd; NULL: the one that was built with this program
 */
void server_start(struct server *s, const char *dir, unsigned workers, const char *program);

/**
 * Starts a redis-server on a unix socket in dir, and returns when it answers.
 *
 * @dir     a folder that does not exist yet
 * @wiping  give it the environment of timeglas's Redis, too: freed and moved memory is overwritten
 */
void server_start_redis(
	struct server *s, const char *dir, const struct server_settings *like, bool wiping);

/** Ends the server with SIGTERM, waits for its end, and clears s. */
void server_stop(struct server *s);

/** Reads program, version and settings of the Redis of s into out. */
void server_settings_read(const struct server *s, struct server_settings *out);
/** Adds one setting: "--name" value. */
void server_settings_add(struct server_settings *like, const char *name, const char *value);

/** Tells whether the Redis of s overwrites freed and moved memory. */
enum wipe_state server_wipes(const struct server *s);

/** Bytes that the Redis of s has allocated (used_memory). */
double server_memory(const struct server *s);

/**
 * Lets the Redis of s use 128 MB for a moment. A store uses again for years what it has once grown
 * to. The first use of a page costs several milliseconds for 2 MiB on a virtual machine; a
 * benchmark of seconds would measure little else.
 */
void server_use_memory(const struct server *s);

/** Prepares a forked child to become a server: stdout to out_fd, a process group of its own,
 * SIGTERM when this process ends. */
void server_become(int out_fd);

/** Sends SIGTERM to a child and waits for its end, at most 10 s. */
void server_end(pid_t pid);

/** Writes the path of the program name in the folder of this program to out. */
void server_program(const char *name, char *out, size_t cap);

#endif
