/* server.c: see server.h. Servers get SIGTERM when this process ends. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "bench.h"
#include "master/redis_embed.h"
#include "redis_sync.h"
#include "server.h"

#define START_S 30
/* values of 1,000 bytes; the allocator would not split what larger ones leave for small ones */
#define USED_VALUES 128000u
#define USED_PIPELINE 1000u

/* The settings of Redis that matter to expiry, memory or speed. The environment, with the allocator
 * that wipes and has huge pages, is not a setting: see server_start_redis(). */
static const char *const copied[] = {
	"save",
	"appendonly",
	"hz",
	"dynamic-hz",
	"active-expire-effort",
	"lazyfree-lazy-expire",
	"lazyfree-lazy-user-del",
	"maxmemory",
	"maxmemory-policy",
	"databases",
	"hash-max-listpack-value",
	"io-threads",
	"latency-tracking",
	"slowlog-log-slower-than",
	"crash-log-enabled",
	"timeout",
	"maxclients",
	"activedefrag",
	"activerehashing",
	"jemalloc-bg-thread",
	"disable-thp",
	"notify-keyspace-events",
};
#define N_COPIED (sizeof copied / sizeof *copied)

void server_program(const char *name, char *out, size_t cap)
{
	ssize_t n = readlink("/proc/self/exe", out, cap - 1);

	if (n <= 0)
		bench_die("cannot tell where this program is");
	out[n] = '\0';
	n = strrchr(out, '/') + 1 - out;
	if (snprintf(out + n, cap - (size_t)n, "%s", name) >= (int)(cap - (size_t)n) ||
		access(out, X_OK) != 0)
		bench_die("no %s beside this program; run make", name);
}

void server_become(int out_fd)
{
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	setpgid(0, 0);
	if (dup2(out_fd, STDOUT_FILENO) < 0)
		_exit(127);
}

static void await_ready(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	char byte;

	do {
		if (poll(&p, 1, START_S * 1000) <= 0 || read(fd, &byte, 1) != 1)
			bench_die("timeglasd did not become ready");
	} while (byte != '\n');
}

/* Copies the value of a line export NAME='value' in the file DIR/env. A value has no quotes. */
static void env_value(const char *text, const char *name, char *out, size_t cap)
{
	char want[64];
	const char *at;
	size_t n;

	snprintf(want, sizeof want, "export %s='", name);
	at = strstr(text, want);
	if (at == NULL)
		bench_die("timeglasd --dev told no %s", name);
	at += strlen(want);
	n = strcspn(at, "'");
	if (n >= cap)
		bench_die("%s is too long", name);
	memcpy(out, at, n);
	out[n] = '\0';
}

static void read_env(struct server *s, const char *dir)
{
	char path[PATH_CHARS + 8], text[8192], url[64], number[16], *colon;
	size_t n;
	FILE *f;

	snprintf(path, sizeof path, "%s/env", dir);
	f = fopen(path, "re");
	if (f == NULL)
		bench_die("cannot read %s", path);
	n = fread(text, 1, sizeof text - 1, f);
	text[n] = '\0';
	fclose(f);
	env_value(text, "TIMEGLAS_URL", url, sizeof url);
	colon = strrchr(url, ':');
	snprintf(s->port, sizeof s->port, "%s", colon + 1);
	*colon = '\0';
	snprintf(s->dir, sizeof s->dir, "%s", dir);
	snprintf(s->host, sizeof s->host, "%s", url + strlen("https://"));
	env_value(text, "TIMEGLAS_CA", s->ca, sizeof s->ca);
	env_value(text, "TIMEGLAS_UPLOADER_CERT", s->uploader_cert, sizeof s->uploader_cert);
	env_value(text, "TIMEGLAS_UPLOADER_KEY", s->uploader_key, sizeof s->uploader_key);
	env_value(text, "TIMEGLAS_VERIFIER_CERT", s->verifier_cert, sizeof s->verifier_cert);
	env_value(text, "TIMEGLAS_VERIFIER_KEY", s->verifier_key, sizeof s->verifier_key);
	env_value(text, "TIMEGLAS_REDIS_SOCKET", s->socket, sizeof s->socket);
	env_value(text, "TIMEGLAS_REDIS_PID", number, sizeof number);
	s->redis_pid = (pid_t)strtol(number, NULL, 10);
}

void server_start(struct server *s, const char *dir, unsigned workers, const char *program)
{
	char ours[PATH_MAX], dev[PATH_CHARS], n[12];
	int fds[2];

	memset(s, 0, sizeof *s);
	if (program == NULL) {
		server_program("timeglasd", ours, sizeof ours);
		program = ours;
	}
	snprintf(dev, sizeof dev, "%s/dev", dir);
	snprintf(n, sizeof n, "%u", workers);
	if (mkdir(dir, 0700) != 0 || pipe2(fds, O_CLOEXEC) != 0 || (s->pid = fork()) < 0)
		bench_die("cannot start timeglasd: %s", strerror(errno));
	if (s->pid == 0) {
		server_become(fds[1]);
		setenv("TMPDIR", dir, 1);
		/* the peers log no requests either */
		execl(program, "timeglasd", "--dev", dev, "--workers", n, "--set",
			"server.log_level=warn", (char *)NULL);
		_exit(127);
	}
	close(fds[1]);
	await_ready(fds[0]);
	close(fds[0]);
	read_env(s, dev);
	s->redis = redis_sync_open(s->socket);
}

void server_settings_add(struct server_settings *like, const char *name, const char *value)
{
	if (like->n == SETTINGS_MAX ||
		snprintf(like->setting[like->n][0], SETTING_CHARS, "--%s", name) >= SETTING_CHARS ||
		snprintf(like->setting[like->n][1], SETTING_CHARS, "%s", value) >= SETTING_CHARS)
		bench_die("too many settings for Redis, or %s is too long", name);
	like->n++;
}

void server_settings_read(const struct server *s, struct server_settings *out)
{
	char link[64], *at;
	redisReply *r;
	ssize_t n;

	memset(out, 0, sizeof *out);
	snprintf(link, sizeof link, "/proc/%ld/exe", (long)s->redis_pid);
	n = readlink(link, out->program, sizeof out->program - 1);
	if (n <= 0)
		bench_die("cannot tell which redis-server timeglasd runs");
	for (size_t i = 0; i < N_COPIED; i++) {
		r = redis_sync_do(s->redis, "CONFIG GET %s", copied[i]);
		if (r->elements == 2)
			server_settings_add(out, r->element[0]->str, r->element[1]->str);
		freeReplyObject(r);
	}
	r = redis_sync_do(s->redis, "INFO server");
	at = strstr(r->str, "redis_version:");
	if (at != NULL)
		snprintf(out->version, sizeof out->version, "%.*s", (int)strcspn(at + 14, "\r\n"),
			at + 14);
	freeReplyObject(r);
}

static void await_redis(struct server *s)
{
	int64_t until = bench_wall_us() + START_S * 1000000;

	while (bench_wall_us() < until && kill(s->pid, 0) == 0) {
		redisContext *c = redisConnectUnix(s->socket);
		redisReply *r = c != NULL && c->err == 0 ? redisCommand(c, "PING") : NULL;
		bool up = r != NULL && r->type == REDIS_REPLY_STATUS;

		if (r != NULL)
			freeReplyObject(r);
		if (up) {
			s->redis = c;
			return;
		}
		if (c != NULL)
			redisFree(c);
		usleep(5000);
	}
	bench_die("redis-server did not start");
}

/* Sets the environment that timeglas gives its Redis (server/master/redis_embed.c). A build without
 * the wiping library leaves that out in both. */
static void wiping_environment(void)
{
	char library[PATH_MAX];

	setenv("MALLOC_CONF", REDIS_EMBED_MALLOC_CONF, 1);
	setenv("LC_ALL", "C", 1);
	if (wipe_library(library, sizeof library) == 0)
		setenv("LD_PRELOAD", library, 1);
}

void server_start_redis(
	struct server *s, const char *dir, const struct server_settings *like, bool wiping)
{
	const char *argv[2 * SETTINGS_MAX + 10] = {
		"redis-server", "--port", "0", "--dir", dir, "--unixsocket", s->socket};
	size_t n = 7;
	int null_fd;

	memset(s, 0, sizeof *s);
	s->plain = true;
	snprintf(s->socket, sizeof s->socket, "%s/s", dir);
	for (unsigned i = 0; i < like->n; i++) {
		argv[n++] = like->setting[i][0];
		argv[n++] = like->setting[i][1];
	}
	null_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (mkdir(dir, 0700) != 0 || null_fd < 0 || (s->pid = fork()) < 0)
		bench_die("cannot start redis-server: %s", strerror(errno));
	if (s->pid == 0) {
		server_become(null_fd);
		if (wiping)
			wiping_environment();
		execv(like->program, (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	close(null_fd);
	s->redis_pid = s->pid;
	await_redis(s);
}

enum wipe_state server_wipes(const struct server *s)
{
	redisReply *r = redis_sync_do(s->redis, "MEMORY MALLOC-STATS");
	enum wipe_state state = wipe_store(r->str, r->len);

	freeReplyObject(r);
	return state;
}

double server_memory(const struct server *s)
{
	static const char name[] = "used_memory:";
	redisReply *r = redis_sync_do(s->redis, "INFO memory");
	const char *at = strstr(r->str, name);
	double bytes = at != NULL ? strtod(at + sizeof name - 1, NULL) : 0;

	freeReplyObject(r);
	return bytes;
}

/* Sends a command for each of the values, in pipelines. */
static void for_values(const struct server *s, const char *fmt)
{
	for (unsigned i = 0; i < USED_VALUES; i += USED_PIPELINE) {
		for (unsigned k = i; k < i + USED_PIPELINE; k++)
			if (redisAppendCommand(s->redis, fmt, k) != REDIS_OK)
				bench_die("out of memory");
		redis_sync_answers(s->redis, USED_PIPELINE);
	}
}

void server_use_memory(const struct server *s)
{
	for_values(s, "SETRANGE bench:used:%u 999 x");
	for_values(s, "UNLINK bench:used:%u");
}

void server_end(pid_t pid)
{
	int64_t until = bench_wall_us() + 10 * 1000000;

	kill(pid, SIGTERM);
	while (waitpid(pid, NULL, WNOHANG) == 0) {
		if (bench_wall_us() > until)
			bench_die("a server did not end");
		usleep(5000);
	}
}

void server_stop(struct server *s)
{
	redisFree(s->redis);
	server_end(s->pid);
	memset(s, 0, sizeof *s);
}
