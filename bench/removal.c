/* removal.c: see removal.h. The time of a removal is when its event arrived here, so it contains
 * the event's way. */
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include "bench.h"
#include "redis_sync.h"
#include "removal.h"

#define CHANNEL "__keyspace@0__:"

struct name {
	const char *key;
	unsigned i;
};

struct removal {
	redisContext *c;
	struct name *by_key;
	unsigned n, left;
};

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct name *)a)->key, ((const struct name *)b)->key);
}

struct removal *removal_subscribe(const struct server *s, const struct seeded *b, unsigned n)
{
	struct removal *w = bench_alloc(1, sizeof *w);

	w->c = redis_sync_open(s->socket);
	w->by_key = bench_alloc(n, sizeof *w->by_key);
	w->n = w->left = n;
	for (unsigned i = 0; i < n; i++) {
		w->by_key[i] = (struct name){b[i].key, i};
		redisAppendCommand(w->c, "SUBSCRIBE " CHANNEL "%s", b[i].key);
	}
	qsort(w->by_key, n, sizeof *w->by_key, by_name);
	redis_sync_answers(w->c, n);
	return w;
}

/* A removal is the event "del", which UNLINK causes, too, or "expired", or "set" where a tombstone
 * takes the place of record and chunk. Other events of a key are ignored. */
static void note(struct removal *w, const redisReply *r, int64_t now, int64_t *removed_us)
{
	struct name want = {NULL, 0}, *at;

	if (r->type != REDIS_REPLY_ARRAY || r->elements != 3 ||
		strcmp(r->element[0]->str, "message") != 0 ||
		(strcmp(r->element[2]->str, "del") != 0 && strcmp(r->element[2]->str, "set") != 0 &&
			strcmp(r->element[2]->str, "expired") != 0))
		return;
	want.key = r->element[1]->str + strlen(CHANNEL);
	at = bsearch(&want, w->by_key, w->n, sizeof *w->by_key, by_name);
	if (at == NULL || removed_us[at->i] != 0)
		return;
	removed_us[at->i] = now;
	w->left--;
}

void removal_wait(struct removal *w, int64_t until_us, int64_t *removed_us)
{
	struct pollfd p = {.fd = w->c->fd, .events = POLLIN};
	redisReply *r;
	int64_t now;

	while (w->left > 0 && (now = bench_wall_us()) < until_us) {
		if (poll(&p, 1, (int)((until_us - now) / 1000 + 1)) <= 0)
			continue;
		now = bench_wall_us();
		if (redisBufferRead(w->c) != REDIS_OK)
			bench_die("the watched Redis went away: %s", w->c->errstr);
		while (redisGetReplyFromReader(w->c, (void **)&r) == REDIS_OK && r != NULL) {
			note(w, r, now, removed_us);
			freeReplyObject(r);
		}
	}
}

void removal_close(struct removal *w)
{
	redisFree(w->c);
	free(w->by_key);
	free(w);
}
