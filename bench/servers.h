/* servers.h: the two systems under test: timeglasd --dev, and plain Redis with the same program and
 * settings. */
#ifndef BENCH_SERVERS_H
#define BENCH_SERVERS_H

#include <stdbool.h>
#include <sys/types.h>
#include <hiredis/hiredis.h>
#include "wipe/wipe.h"

#define PATH_CHARS 256
#define SETTINGS_MAX 40
#define SETTING_CHARS 128

struct server {
	bool plain;
	pid_t pid; /* timeglasd, or redis-server */
	pid_t redis_pid;
	char socket[PATH_CHARS]; /* of Redis */
	redisContext *redis;     /* blocking */
	/* timeglas only */
	char dir[PATH_CHARS]; /* with the certificates of everybody */
	char host[64], port[8], ca[PATH_CHARS];
	char uploader_cert[PATH_CHARS], uploader_key[PATH_CHARS], verifier_cert[PATH_CHARS],
		verifier_key[PATH_CHARS];
};

/* What plain Redis must have in common with the one of timeglas. */
struct redis_like {
	char program[PATH_CHARS], version[16];
	char setting[SETTINGS_MAX][2][SETTING_CHARS];
	unsigned n;
};

/** timeglas_start(s, dir, workers, program): program: a timeglasd; NULL: the one beside this
 * program. Dies on failure. */
void timeglas_start(struct server *s, const char *dir, unsigned workers, const char *program);
/** redis_like(s, out): program, version and settings of a server's Redis. */
void redis_like(const struct server *s, struct redis_like *out);
/** redis_set(like, name, value): one more: "--name" value. */
void redis_set(struct redis_like *like, const char *name, const char *value);
/**
 * plain_start(s, dir, like, wiping): redis-server with those settings, on a unix socket; wiping: in
 * the environment, too, that timeglas gives its own (what is freed or moved is overwritten).
 */
void plain_start(struct server *s, const char *dir, const struct redis_like *like, bool wiping);
/** server_wipes(s): what its Redis says of freed and moved memory. */
enum wipe_state server_wipes(const struct server *s);
/**
 * server_use_memory(s): its Redis has 128 MB in use for a moment. What a store has grown to it uses
 * again for years; it is the first use that costs, on a virtual machine several milliseconds for 2
 * MiB, and a benchmark of seconds would measure little else.
 */
void server_use_memory(const struct server *s);
void server_stop(struct server *s);
/** server_become(out_fd): a server's part between fork and exec. server_end(pid): SIGTERM, and
 * waits. */
void server_become(int out_fd);
void server_end(pid_t pid);

/** beside_us(name, out, cap): the path of the program of that name that was built together with
 * this one. Dies without. */
void beside_us(const char *name, char *out, size_t cap);

/** redis_open(s): another connection. redis_do(c, fmt, …): a command that must not fail; the caller
 * frees the reply. redis_answers(c, n): those of n commands that were appended; none may be a
 * refusal. */
redisContext *redis_open(const struct server *s);
redisReply *redis_do(redisContext *c, const char *fmt, ...);
void redis_answers(redisContext *c, unsigned n);

#endif
