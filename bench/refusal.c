/* refusal.c: see refusal.h. The time of a refusal is when the answer arrived, so it contains the
 * answer's way. */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include "bench.h"
#include "https.h"
#include "redis_sync.h"
#include "refusal.h"

#define EARLY_US 5000 /* the first request is sent so long before the deadline */
#define GIVE_UP_US 1000000

struct asker {
	const struct server *server;
	struct https *uploader, *verifier;
	redisContext *redis;
};

static bool is_live(struct asker *a, const struct seeded *b)
{
	char path[64];
	redisReply *r;
	bool live;

	if (a->server->plain) {
		r = redis_sync_do(a->redis, "GET %s", b->key);
		live = r->type == REDIS_REPLY_STRING;
		freeReplyObject(r);
		return live;
	}
	snprintf(path, sizeof path, "/v1/blobs/%s", b->id);
	if (https_call(a->uploader, "GET", path, "", NULL, 0) != 200)
		bench_die("asking for a blob: %s", https_body(a->uploader));
	return strstr(https_body(a->uploader), "\"state\":\"gone\"") == NULL;
}

static void ask_one(struct asker *a, const struct seeded *b, struct refusal *out)
{
	char path[64];
	int64_t sent;

	bench_sleep_until_us(b->deadline_us - EARLY_US);
	for (;;) {
		sent = bench_wall_us();
		if (!is_live(a, b)) {
			out->refused_us = bench_wall_us();
			break;
		}
		out->late_live |= sent > b->deadline_us;
		if (sent > b->deadline_us + GIVE_UP_US)
			return;
	}
	if (a->server->plain)
		return;
	snprintf(path, sizeof path, "/v1/blobs/%s/take", b->id);
	out->confirmed = https_call(a->verifier, "POST", path, "", NULL, 0) == 410;
}

pid_t refusal_start(const struct server *s, const struct seeded *b, unsigned n, struct refusal *out)
{
	struct asker a = {.server = s};
	pid_t pid = fork();

	if (pid < 0)
		bench_die("cannot fork: %s", strerror(errno));
	if (pid > 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (s->plain) {
		a.redis = redis_sync_open(s->socket);
	} else {
		a.uploader = https_open(s, s->uploader_cert, s->uploader_key);
		a.verifier = https_open(s, s->verifier_cert, s->verifier_key);
	}
	for (unsigned i = 0; i < n; i++)
		ask_one(&a, &b[i], &out[i]);
	_exit(0);
}

void refusal_wait(pid_t pid)
{
	int status = 0;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		bench_die("asking failed");
}
