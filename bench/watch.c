/* watch.c: see watch.h. Times are taken when an event or an answer arrives, so they contain its way
 * here. Runs in the benchmark's process. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include "bench.h"
#include "https.h"
#include "watch.h"

#define CHANNEL "__keyspace@0__:"
#define EARLY_US 5000 /* asking begins so long before the deadline */
#define GIVE_UP_US 1000000

struct name {
	const char *key;
	unsigned i;
};

struct watch {
	redisContext *c;
	struct name *by_key;
	unsigned n, left;
};

/* Removal ------------------------------------------------------------------ */

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct name *)a)->key, ((const struct name *)b)->key);
}

struct watch *watch_open(const struct server *s, const struct seeded *b, unsigned n)
{
	struct watch *w = bench_alloc(1, sizeof *w);

	w->c = redis_open(s);
	w->by_key = bench_alloc(n, sizeof *w->by_key);
	w->n = w->left = n;
	for (unsigned i = 0; i < n; i++) {
		w->by_key[i] = (struct name){b[i].key, i};
		redisAppendCommand(w->c, "SUBSCRIBE " CHANNEL "%s", b[i].key);
	}
	qsort(w->by_key, n, sizeof *w->by_key, by_name);
	redis_answers(w->c, n);
	return w;
}

/* A removal says "del" (UNLINK, too) or "expired"; anything else that happens to a key is not of
 * interest. */
static void note(struct watch *w, const redisReply *r, int64_t now, int64_t *removed_us)
{
	struct name want = {NULL, 0}, *at;

	if (r->type != REDIS_REPLY_ARRAY || r->elements != 3 ||
		strcmp(r->element[0]->str, "message") != 0 ||
		(strcmp(r->element[2]->str, "del") != 0 &&
			strcmp(r->element[2]->str, "expired") != 0))
		return;
	want.key = r->element[1]->str + strlen(CHANNEL);
	at = bsearch(&want, w->by_key, w->n, sizeof *w->by_key, by_name);
	if (at == NULL || removed_us[at->i] != 0)
		return;
	removed_us[at->i] = now;
	w->left--;
}

void watch_run(struct watch *w, int64_t until_us, int64_t *removed_us)
{
	struct pollfd p = {.fd = w->c->fd, .events = POLLIN};
	redisReply *r;
	int64_t now;

	while (w->left > 0 && (now = wall_us()) < until_us) {
		if (poll(&p, 1, (int)((until_us - now) / 1000 + 1)) <= 0)
			continue;
		now = wall_us();
		if (redisBufferRead(w->c) != REDIS_OK)
			die("the watched Redis went away: %s", w->c->errstr);
		while (redisGetReplyFromReader(w->c, (void **)&r) == REDIS_OK && r != NULL) {
			note(w, r, now, removed_us);
			freeReplyObject(r);
		}
	}
}

void watch_close(struct watch *w)
{
	redisFree(w->c);
	free(w->by_key);
	free(w);
}

/* Asking ------------------------------------------------------------------- */

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
		r = redis_do(a->redis, "GET %s", b->key);
		live = r->type == REDIS_REPLY_STRING;
		freeReplyObject(r);
		return live;
	}
	snprintf(path, sizeof path, "/v1/blobs/%s", b->id);
	if (https_call(a->uploader, "GET", path, "", NULL, 0) != 200)
		die("asking for a blob: %s", https_body(a->uploader));
	return strstr(https_body(a->uploader), "\"state\":\"gone\"") == NULL;
}

static void ask_one(struct asker *a, const struct seeded *b, struct asked *out)
{
	char path[64];
	int64_t sent;

	sleep_until_us(b->deadline_us - EARLY_US);
	for (;;) {
		sent = wall_us();
		if (!is_live(a, b)) {
			out->refused_us = wall_us();
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

pid_t ask_start(const struct server *s, const struct seeded *b, unsigned n, struct asked *out)
{
	struct asker a = {.server = s};
	pid_t pid = fork();

	if (pid < 0)
		die("cannot fork: %s", strerror(errno));
	if (pid > 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (s->plain) {
		a.redis = redis_open(s);
	} else {
		a.uploader = https_open(s, s->uploader_cert, s->uploader_key);
		a.verifier = https_open(s, s->verifier_cert, s->verifier_key);
	}
	for (unsigned i = 0; i < n; i++)
		ask_one(&a, &b[i], &out[i]);
	_exit(0);
}

void ask_wait(pid_t pid)
{
	int status = 0;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		die("asking failed");
}
