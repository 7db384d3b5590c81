/* load.c: see load.h. Each client is a process with blocking calls. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include "bench.h"
#include "https.h"
#include "load.h"
#include "redis_sync.h"

#define CONNECTIONS_MAX 64u
#define START_S 30
#define TTL_S "600"

struct load {
	unsigned n;
	pid_t pid[CONNECTIONS_MAX];
	volatile uint64_t *ops; /* shared with the clients, one counter in each cache line */
};

static void timeglas_client(
	const struct server *s, const void *blob, size_t n, volatile uint64_t *ops)
{
	struct https *up = https_open(s, s->uploader_cert, s->uploader_key),
		     *down = https_open(s, s->verifier_cert, s->verifier_key);
	char path[64];
	const char *id;

	for (;;) {
		if (https_call(up, "POST", "/v1/blobs",
			    "Timeglas-Kind: liveness\r\nTimeglas-Ttl: " TTL_S "\r\n", blob,
			    n) != 201)
			bench_die("load: put: %s", https_body(up));
		id = strstr(https_body(up), "\"blob\":\"");
		if (id == NULL)
			bench_die("load: put: %s", https_body(up));
		snprintf(path, sizeof path, "/v1/blobs/%.24s/take", id + 8);
		if (https_call(down, "POST", path, "", NULL, 0) != 200)
			bench_die("load: take: %s", https_body(down));
		*ops += 2;
	}
}

static void plain_client(
	const struct server *s, unsigned who, const void *blob, size_t n, volatile uint64_t *ops)
{
	redisContext *c = redis_sync_open(s->socket);
	redisReply *r;

	for (unsigned i = 0;; i++) {
		freeReplyObject(redis_sync_do(
			c, "SET bench:load:%u:%u %b PX " TTL_S "000", who, i, blob, n));
		r = redis_sync_do(c, "GETDEL bench:load:%u:%u", who, i);
		if (r->type != REDIS_REPLY_STRING)
			bench_die("load: a key is missing");
		freeReplyObject(r);
		*ops += 2;
	}
}

static bool all_began(const struct load *l)
{
	for (unsigned i = 0; i < l->n; i++)
		if (l->ops[i * 8] == 0)
			return false;
	return true;
}

struct load *load_start(const struct server *s, const void *blob, size_t n, unsigned connections)
{
	struct load *l = bench_alloc(1, sizeof *l);
	int64_t until = bench_wall_us() + (int64_t)START_S * 1000000;

	l->ops = bench_share(CONNECTIONS_MAX * 64);
	l->n = connections < CONNECTIONS_MAX ? connections : CONNECTIONS_MAX;
	for (unsigned i = 0; i < l->n; i++) {
		l->pid[i] = fork();
		if (l->pid[i] < 0)
			bench_die("cannot fork: %s", strerror(errno));
		if (l->pid[i] > 0)
			continue;
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (s->plain)
			plain_client(s, i, blob, n, &l->ops[i * 8]);
		else
			timeglas_client(s, blob, n, &l->ops[i * 8]);
	}
	while (!all_began(l)) {
		if (bench_wall_us() > until)
			bench_die("the load did not begin");
		usleep(10000);
	}
	return l;
}

uint64_t load_ops(const struct load *l)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < l->n; i++)
		sum += l->ops[i * 8];
	return sum;
}

void load_stop(struct load *l)
{
	int status;

	if (l == NULL)
		return;
	for (unsigned i = 0; i < l->n; i++) {
		kill(l->pid[i], SIGKILL);
		if (waitpid(l->pid[i], &status, 0) == l->pid[i] && WIFEXITED(status))
			bench_die("a connection of the load had ended");
	}
	munmap((void *)(uintptr_t)l->ops, CONNECTIONS_MAX * 64);
	free(l);
}
