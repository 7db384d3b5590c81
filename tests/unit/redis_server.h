/*
 * redis_server.h: a private redis-server for a unit test: unix socket in a short temporary
 * directory, no port, no persistence, ended by pid with the test. Waits on conditions, never on
 * sleeps alone. Also a loop that runs until a callback says so.
 */
#ifndef TEST_REDIS_SERVER_H
#define TEST_REDIS_SERVER_H

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>
#include <hiredis/hiredis.h>
#include "net/loop.h"
#include "store/schema.h"

struct redis_server {
	char dir[32];
	char socket[48];
	char url[64];
	pid_t pid;
	redisContext *c; /* blocking, for the test's own looks */
};

static inline redisContext *redis_server_connect(const struct redis_server *s)
{
	for (int i = 0; i < 2000; i++) {
		redisContext *c = redisConnectUnix(s->socket);
		if (c != NULL && c->err == 0) {
			redisReply *r = redisCommand(c, "PING");
			bool pong = r != NULL && r->type == REDIS_REPLY_STATUS;
			if (r != NULL)
				freeReplyObject(r);
			if (pong)
				return c;
		}
		if (c != NULL)
			redisFree(c);
		usleep(5000);
	}
	fail_msg("redis-server did not start");
	return NULL;
}

static inline void redis_server_run(struct redis_server *s)
{
	s->pid = fork();
	assert_true(s->pid >= 0);
	if (s->pid == 0) {
		int null = open("/dev/null", O_RDWR);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(null, 0);
		dup2(null, 1);
		dup2(null, 2);
		execlp("redis-server", "redis-server", "--port", "0", "--unixsocket", s->socket,
			"--dir", s->dir, "--save", "", "--appendonly", "no", "--maxmemory-policy",
			"noeviction", "--enable-debug-command", "yes", (char *)NULL);
		_exit(127);
	}
	s->c = redis_server_connect(s);
}

static inline void redis_server_start(struct redis_server *s)
{
	memset(s, 0, sizeof *s);
	strcpy(s->dir, "/tmp/tgu-XXXXXX");
	assert_non_null(mkdtemp(s->dir));
	snprintf(s->socket, sizeof s->socket, "%s/s", s->dir);
	snprintf(s->url, sizeof s->url, "unix://%s", s->socket);
	redis_server_run(s);
}

static inline void redis_server_kill(struct redis_server *s)
{
	redisFree(s->c);
	s->c = NULL;
	kill(s->pid, SIGKILL);
	waitpid(s->pid, NULL, 0);
	unlink(s->socket);
}

static inline void redis_server_stop(struct redis_server *s)
{
	redis_server_kill(s);
	assert_int_equal(rmdir(s->dir), 0);
}

/* A command that must not fail; the caller frees the reply. */
static inline redisReply *redis_server_do(struct redis_server *s, const char *fmt, ...)
{
	va_list ap;
	redisReply *r;

	va_start(ap, fmt);
	r = redisvCommand(s->c, fmt, ap);
	va_end(ap);
	assert_non_null(r);
	if (r->type == REDIS_REPLY_ERROR)
		fail_msg("%s: %s", fmt, r->str);
	return r;
}

#define redis_server_run_cmd(s, ...) freeReplyObject(redis_server_do((s), __VA_ARGS__))

static inline long long redis_server_int(struct redis_server *s, const char *cmd)
{
	redisReply *r = redis_server_do(s, cmd);
	long long n = r->type == REDIS_REPLY_INTEGER ? r->integer : -1;

	freeReplyObject(r);
	return n;
}

/* Lets reads begin, as a recorder does once it has compared the store with its evidence. The
 * library is loaded. */
static inline void redis_server_compared(struct redis_server *s)
{
	redisReply *r =
		redis_server_do(s, "FCALL tg2_recorder 1 tg:{00}:dl t 0 life 0 0 %s 0 %s", "", "");
	const char *life = r->str;

	for (int line = 0; line < 9; line++) {
		life = strchr(life, '\n');
		assert_non_null(life++);
	}
	redis_server_run_cmd(s, "FCALL tg2_compared 1 tg:{00}:dl %b", life, strcspn(life, "\n"));
	redis_server_run_cmd(s, "DEL tg:{00}:epoch");
	freeReplyObject(r);
}

/* How many keys match a pattern. */
static inline size_t redis_server_keys(struct redis_server *s, const char *pattern)
{
	redisReply *r = redis_server_do(s, "KEYS %s", pattern);
	size_t n = r->elements;

	freeReplyObject(r);
	return n;
}

/* The only chunk of an upload, behind a record that its commit completes. */
static inline void redis_server_only_chunk(
	struct redis_server *s, const char *shard, const char *id, const char *bytes, size_t n)
{
	char key[64], whole[STORE_HEAD_BYTES + 4096];

	assert_true(n <= sizeof whole - STORE_HEAD_BYTES);
	memset(whole, ' ', STORE_HEAD_BYTES);
	memcpy(whole, "pending\t384\n\n", 13);
	memcpy(whole + STORE_HEAD_BYTES, bytes, n);
	snprintf(key, sizeof key, "tg:{%.2s}:b:%s", shard, id);
	redis_server_run_cmd(s, "SET %s %b PX 100000", key, whole, (size_t)STORE_HEAD_BYTES + n);
}

/* How many strings hold bytes of the blobs whose ids match: chunks that are keys of their own, and
 * records with their only chunk behind them. */
static inline size_t redis_server_chunks(struct redis_server *s, const char *ids)
{
	redisReply *r = redis_server_do(s, "EVAL %s 0 %s",
		"local n = #redis.call('KEYS', 'tg:{*}:c:' .. ARGV[1] .. ':*') "
		"for _, key in ipairs(redis.call('KEYS', 'tg:{*}:b:' .. ARGV[1])) do "
		"local head = string.match(redis.call('GETRANGE', key, 0, 383), "
		"'^[lp]%a+[^\\n]*\\t(%d+)\\n') "
		"if head and redis.call('STRLEN', key) > tonumber(head) then n = n + 1 end end "
		"return n",
		ids);
	size_t n = (size_t)r->integer;

	assert_int_equal(r->type, REDIS_REPLY_INTEGER);
	freeReplyObject(r);
	return n;
}

/* Runs the loop until a callback calls loop_stop(), at most 10 s. */
struct give_up {
	struct loop *loop;
	bool late;
};

static inline void loop_give_up(evutil_socket_t fd, short what, void *ctx)
{
	struct give_up *g = ctx;

	(void)fd;
	(void)what;
	g->late = true;
	loop_stop(g->loop);
}

static inline void loop_until_stop(struct loop *l)
{
	struct give_up g = {l, false};
	struct timeval ten = {10, 0};
	struct event *e = event_new(loop_base(l), -1, 0, loop_give_up, &g);

	event_add(e, &ten);
	assert_int_equal(loop_run(l), 0);
	event_free(e);
	assert_false(g.late);
}

#endif
