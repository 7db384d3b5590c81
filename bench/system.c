/* system.c: see system.h. It starts the systems, tells how to speak to them, and ends them. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "bench.h"
#include "peers.h"
#include "system.h"

#define START_S 20
#define NGINX "/usr/sbin/nginx"
#define NGINX_MODULES "/usr/lib/nginx/modules"
#define WEBDIS "/usr/bin/webdis"
#define TTL "86400"

static const struct {
	const char *name, *needs, *package;
} kinds[SYSTEM_KINDS] = {
	[SYSTEM_TIMEGLAS] = {"timeglas", NULL, NULL},
	[SYSTEM_NGINX] = {"nginx", NGINX_MODULES "/ngx_http_lua_module.so",
		"libnginx-mod-http-lua"},
	[SYSTEM_SIMPLE] = {"nginx-simple", NGINX_MODULES "/ngx_http_lua_module.so",
		"libnginx-mod-http-lua"},
	[SYSTEM_WEBDIS] = {"webdis", WEBDIS, "webdis"},
	[SYSTEM_REDIS_TLS] = {"redis-tls", "/usr/bin/redis-benchmark", "redis-tools"},
	[SYSTEM_REDIS_UNIX] = {"redis-unix", "/usr/bin/redis-benchmark", "redis-tools"},
};

const char *system_name(enum system_kind kind)
{
	return kinds[kind].name;
}

int system_kind(const char *word, size_t len)
{
	for (int i = 0; i < SYSTEM_KINDS; i++)
		if (strlen(kinds[i].name) == len && memcmp(kinds[i].name, word, len) == 0)
			return i;
	return -1;
}

const char *system_missing(enum system_kind kind)
{
	return kinds[kind].needs != NULL && access(kinds[kind].needs, R_OK) != 0 ?
		kinds[kind].package :
		NULL;
}

void system_set_open(struct system_set *all, const char *dir)
{
	struct server s;

	all->started = 0;
	snprintf(all->dir, sizeof all->dir, "%.200s", dir);
	snprintf(all->pki, sizeof all->pki, "%.200s/example", dir);
	server_start(&all->example, all->pki, 1, NULL);
	server_settings_read(&all->example, &all->redis);
	all->wipes = server_wipes(&all->example);
	snprintf(all->pki, sizeof all->pki, "%s", all->example.dir);
	s = all->example;
	server_stop(&s);
}

/* How to speak to them ----------------------------------------------------- */

static void wire_tls(struct gen_wire *w, const struct server *s)
{
	w->tls = true;
	snprintf(w->ca, sizeof w->ca, "%s", s->ca);
	snprintf(w->up_cert, sizeof w->up_cert, "%s", s->uploader_cert);
	snprintf(w->up_key, sizeof w->up_key, "%s", s->uploader_key);
	snprintf(w->down_cert, sizeof w->down_cert, "%s", s->verifier_cert);
	snprintf(w->down_key, sizeof w->down_key, "%s", s->verifier_key);
}

static void wire_timeglas(struct gen_wire *w, const struct server *s, bool named)
{
	snprintf(w->host, sizeof w->host, "%s", s->host);
	w->port = (unsigned)strtoul(s->port, NULL, 10);
	wire_tls(w, s);
	snprintf(w->put, sizeof w->put,
		"POST /v1/blobs HTTP/1.1\r\nHost: %s:%u\r\nTimeglas-Kind: "
		"liveness\r\nTimeglas-Ttl: " TTL "\r\n%s",
		w->host, w->port, named ? "Timeglas-Name: " GEN_NAME "\r\n" : "");
	snprintf(w->take, sizeof w->take,
		"POST /v1/blobs/" GEN_KEY "/take HTTP/1.1\r\nHost: %s:%u\r\n", w->host, w->port);
	w->put_status = 201;
	w->says = "\"blob\":\"";
	w->names = true;
}

static void wire_nginx(struct gen_wire *w, const struct system_set *all)
{
	wire_tls(w, &all->example);
	snprintf(w->put, sizeof w->put, "PUT /b/" GEN_KEY " HTTP/1.1\r\nHost: %s:%u\r\n", w->host,
		w->port);
	snprintf(w->take, sizeof w->take, "POST /b/" GEN_KEY " HTTP/1.1\r\nHost: %s:%u\r\n",
		w->host, w->port);
	w->put_status = 201;
	w->says = "stored";
}

static void wire_webdis(struct gen_wire *w)
{
	snprintf(w->put, sizeof w->put,
		"PUT /SETEX/" GEN_KEY "/" TTL " HTTP/1.1\r\nHost: %s:%u\r\n", w->host, w->port);
	snprintf(w->take, sizeof w->take, "GET /GETDEL/" GEN_KEY ".txt HTTP/1.1\r\nHost: %s:%u\r\n",
		w->host, w->port);
	w->put_status = 200;
	w->says = "[true,\"OK\"]";
}

/* Their configurations ----------------------------------------------------- */

struct name {
	const char *name, *value;
};

/* Writes a file of bench/peers/ to the system's folder, with the n names between @ signs replaced.
 */
static void write_file(
	const char *dir, const char *file, const char *text, const struct name *names, size_t n)
{
	char path[PATH_CHARS + 32];
	FILE *f;

	snprintf(path, sizeof path, "%s/%s", dir, file);
	f = fopen(path, "we");
	if (f == NULL)
		bench_die("cannot write %s: %s", path, strerror(errno));
	while (*text != '\0') {
		size_t len = strcspn(text, "@"), i;

		fwrite(text, 1, len, f);
		text += len;
		for (i = 0; *text == '@' && i < n; i++) {
			size_t k = strlen(names[i].name);

			if (strncmp(text + 1, names[i].name, k) == 0 && text[1 + k] == '@') {
				fputs(names[i].value, f);
				text += k + 2;
				break;
			}
		}
		if (*text == '@' && i == n)
			fputc(*text++, f);
	}
	if (fclose(f) != 0)
		bench_die("cannot write %s: %s", path, strerror(errno));
}

/* A port that no socket uses now. */
static unsigned free_port(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof a;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (const struct sockaddr *)&a, sizeof a) != 0 ||
		getsockname(fd, (struct sockaddr *)&a, &n) != 0)
		bench_die("cannot find a port: %s", strerror(errno));
	close(fd);
	return ntohs(a.sin_port);
}

static bool answers(unsigned port)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
		.sin_port = htons((in_port_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool up = fd >= 0 && connect(fd, (const struct sockaddr *)&a, sizeof a) == 0;

	close(fd);
	return up;
}

/* Lets glibc keep freed memory. Otherwise it returns it to the kernel after each large request, and
 * gets it again page by page. */
static void keep_memory(void)
{
	setenv("MALLOC_MMAP_THRESHOLD_", "33554432", 1);
	setenv("MALLOC_TRIM_THRESHOLD_", "268435456", 1);
	setenv("MALLOC_TOP_PAD_", "16777216", 1);
}

/* Starts argv, with stdout and stderr in DIR/said. Returns when it takes connections and has so
 * many children. */
static void run_front(
	struct system *s, const char *dir, const char *const argv[], unsigned children)
{
	int64_t until = bench_wall_us() + START_S * INT64_C(1000000);
	pid_t child[CPU_PIDS];
	char said[PATH_CHARS + 8];
	int fd;

	snprintf(said, sizeof said, "%s/said", dir);
	fd = open(said, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || (s->front = fork()) < 0)
		bench_die("cannot start %s: %s", argv[0], strerror(errno));
	if (s->front == 0) {
		server_become(fd);
		if (s->kind != SYSTEM_SIMPLE)
			keep_memory();
		if (dup2(fd, STDERR_FILENO) >= 0)
			execv(argv[0], (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	close(fd);
	while (!answers(s->wire.port) || bench_children(s->front, child, CPU_PIDS) < children) {
		if (bench_wall_us() > until || waitpid(s->front, NULL, WNOHANG) != 0) {
			bench_show(said);
			bench_die("%s did not start", argv[0]);
		}
		usleep(5000);
	}
}

static void start_nginx(struct system_set *all, struct system *s, const char *dir, const char *port,
	const char *workers)
{
	char conf[PATH_CHARS + 16], log[PATH_CHARS + 16];
	const struct name names[] = {
		{"USER", geteuid() == 0 ? "user root root;" : ""},
		{"DIR", dir},
		{"PORT", port},
		{"PKI", all->pki},
		{"SOCKET", s->store.socket},
		{"WORKERS", workers},
		{"MODULES", NGINX_MODULES},
		{"LUA_BUFFER", "64k"},
		{"HANDLER", s->kind == SYSTEM_SIMPLE ? "simple" : "handler"},
	};
	const char *argv[] = {NGINX, "-p", dir, "-c", conf, "-e", log, NULL};

	snprintf(conf, sizeof conf, "%s/nginx.conf", dir);
	snprintf(log, sizeof log, "%s/error.log", dir);
	write_file(dir, "nginx.conf", peers_nginx_conf, names, sizeof names / sizeof *names);
	write_file(dir, "handler.lua", peers_handler_lua, NULL, 0);
	write_file(dir, "simple.lua", peers_simple_lua, NULL, 0);
	run_front(s, dir, argv, all->workers);
	cpu_add(&s->cpu, s->front, CPU_REST);
	cpu_add_children(&s->cpu, s->front, "nginx");
	wire_nginx(&s->wire, all);
}

static void start_webdis(struct system *s, const char *dir, const char *port, const char *workers)
{
	char conf[PATH_CHARS + 16];
	const struct name names[] = {
		{"DIR", dir}, {"PORT", port}, {"SOCKET", s->store.socket}, {"WORKERS", workers}};
	const char *argv[] = {WEBDIS, conf, NULL};

	snprintf(conf, sizeof conf, "%s/webdis.json", dir);
	write_file(dir, "webdis.json", peers_webdis_json, names, sizeof names / sizeof *names);
	run_front(s, dir, argv, 0);
	cpu_add(&s->cpu, s->front, CPU_WORKERS);
	wire_webdis(&s->wire);
}

/* Adds the settings of Redis's own TLS, with the same certificates and rules as timeglas's. */
static void add_tls(struct server_settings *like, const struct system_set *all, const char *port)
{
	char path[PATH_CHARS + 16];
	static const char *const files[][2] = {{"tls-cert-file", "server.pem"},
		{"tls-key-file", "server.key"}, {"tls-ca-cert-file", "ca.pem"}};

	server_settings_add(like, "tls-port", port);
	server_settings_add(like, "tls-auth-clients", "yes");
	server_settings_add(like, "tls-protocols", "TLSv1.3");
	server_settings_add(like, "tls-session-caching", "no");
	for (size_t i = 0; i < 3; i++) {
		snprintf(path, sizeof path, "%s/%s", all->pki, files[i][1]);
		server_settings_add(like, files[i][0], path);
	}
}

static void start_peer(struct system_set *all, struct system *s, const char *dir)
{
	struct server_settings like = all->redis;
	char redis[PATH_CHARS], port[12], workers[12];

	snprintf(redis, sizeof redis, "%.200s/r", dir);
	snprintf(s->wire.host, sizeof s->wire.host, "127.0.0.1");
	s->wire.port = free_port();
	snprintf(port, sizeof port, "%u", s->wire.port);
	snprintf(workers, sizeof workers, "%u", all->workers);
	if (mkdir(dir, 0700) != 0)
		bench_die("cannot make %s: %s", dir, strerror(errno));
	if (s->kind == SYSTEM_REDIS_TLS)
		add_tls(&like, all, port);
	server_start_redis(&s->store, redis, &like, true);
	if (server_wipes(&s->store) != all->wipes)
		bench_die("the peers' Redis would not wipe memory as timeglas's does: no fair "
			  "comparison");
	cpu_add(&s->cpu, s->store.pid, CPU_REDIS);
	if (s->kind == SYSTEM_NGINX || s->kind == SYSTEM_SIMPLE)
		start_nginx(all, s, dir, port, workers);
	else if (s->kind == SYSTEM_WEBDIS)
		start_webdis(s, dir, port, workers);
	else
		wire_tls(&s->wire, &all->example);
}

void system_start(struct system_set *all, enum system_kind kind, struct system *s)
{
	char dir[PATH_CHARS];

	memset(s, 0, sizeof *s);
	s->kind = kind;
	cpu_anywhere();
	snprintf(dir, sizeof dir, "%.200s/%c%u", all->dir, kinds[kind].name[0], all->started++);
	if (kind != SYSTEM_TIMEGLAS) {
		start_peer(all, s, dir);
	} else {
		server_start(&s->store, dir, all->workers, all->program);
		cpu_add(&s->cpu, s->store.pid, CPU_REST);
		cpu_add(&s->cpu, s->store.redis_pid, CPU_REDIS);
		cpu_add_children(&s->cpu, s->store.pid, "tg-worker");
		wire_timeglas(&s->wire, &s->store, all->named);
	}
	if (!all->anywhere)
		cpu_place(&s->cpu);
}

void system_stop(struct system *s)
{
	if (s->front > 0)
		server_end(s->front);
	server_stop(&s->store);
}
