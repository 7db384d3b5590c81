/* seed.c: see seed.h. Commands are pipelined, with a limited number of blobs under way. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sodium.h>
#include <unistd.h>
#include "base/token.h"
#include "bench.h"
#include "redis_sync.h"
#include "seed.h"
#include "store/store.h"
#include "store/store_put.h"
#include "store/types.h"

#define IN_FLIGHT 512u
#define SETTLE_S 600 /* seed_settle() waits at most so long */

struct slot {
	struct seeder *seeder;
	unsigned i; /* index of the blob that it stores */
};

struct seeder {
	struct loop *loop;
	struct store *store;
	const struct seed_plan *plan;
	struct seeded *out;
	const void *content;
	unsigned begun, done;
	struct slot *idle[IN_FLIGHT], slot[IN_FLIGHT];
	unsigned n_idle;
};

static int64_t lifetime_us(const struct seed_plan *p, unsigned i)
{
	return p->first_ms * 1000 + (int64_t)i * p->step_us;
}

/* timeglas ----------------------------------------------------------------- */

static void pump(struct seeder *x);

static void on_nothing(struct store_put *p, void *ctx)
{
	(void)p;
	(void)ctx;
}

static void on_refused(struct store_put *p, int err, void *ctx)
{
	(void)p;
	(void)ctx;
	bench_die("seeding: refused (%d)", err);
}

static void on_committed(struct store_put *p, int err, const struct store_blob *b, void *ctx)
{
	struct slot *slot = ctx;
	struct seeder *x = slot->seeder;

	(void)p;
	if (err != 0)
		bench_die("seeding: commit failed (%d)", err);
	if (x->out != NULL) {
		struct seeded *o = &x->out[slot->i];

		snprintf(o->id, sizeof o->id, "%s", b->id);
		snprintf(o->key, sizeof o->key, "tg:{%.2s}:b:%s", b->id, b->id);
		o->deadline_us = b->deadline_ms * 1000;
	}
	x->idle[x->n_idle++] = slot;
	if (++x->done == x->plan->n)
		loop_stop(x->loop);
	else
		pump(x);
}

static void begin(struct seeder *x, struct slot *slot)
{
	static const struct store_put_calls calls = {.on_room = on_nothing,
		.on_refused = on_refused,
		.on_checked = on_nothing,
		.on_committed = on_committed};
	struct store_put_opts o = {
		.desc = {.kind = "liveness", .uploader = "uploader", .to = " verifier verifier2 "}};
	int64_t life = lifetime_us(x->plan, x->begun);
	struct evbuffer *data = evbuffer_new();
	struct store_put *p;
	int err = 0;

	/* A lifetime is in whole seconds. An upload that began earlier has less of it left, which
	 * gives the fraction. */
	o.ttl_s = (uint32_t)((life + 999999) / 1000000);
	o.age_us = (uint64_t)o.ttl_s * 1000000 - (uint64_t)life;
	slot->i = x->begun++;
	p = store_put_new(x->store, &o, &calls, slot, &err);
	if (p == NULL || data == NULL || evbuffer_add(data, x->content, x->plan->bytes) != 0 ||
		store_put_chunk(p, data) != 0 || store_put_commit(p, &o) != 0)
		bench_die("seeding: cannot store a blob (%d)", err);
	evbuffer_free(data);
}

static void pump(struct seeder *x)
{
	while (x->begun < x->plan->n && x->n_idle > 0 && !store_busy(x->store))
		begin(x, x->idle[--x->n_idle]);
}

static void on_store(struct store *s, void *ctx)
{
	(void)s;
	pump(ctx);
}

static void on_down(struct store *s, void *ctx)
{
	(void)s;
	(void)ctx;
	bench_die("seeding: the store went away");
}

static void seed_timeglas(const struct server *s, struct seeder *x)
{
	static const struct store_calls calls = {
		.on_up = on_store, .on_down = on_down, .on_low = on_store};
	char url[PATH_CHARS + 8], err[256] = "";

	for (unsigned i = 0; i < IN_FLIGHT; i++) {
		x->slot[i].seeder = x;
		x->idle[x->n_idle++] = &x->slot[i];
	}
	snprintf(url, sizeof url, "unix://%s", s->socket);
	x->loop = loop_new();
	x->store = x->loop != NULL ? store_new(x->loop, url, &calls, x, err, sizeof err) : NULL;
	if (x->store == NULL || loop_run(x->loop) != 0)
		bench_die("seeding: %s", err);
	store_free(x->store);
	loop_free(x->loop);
}

/* Plain Redis -------------------------------------------------------------- */

static void seed_plain(const struct server *s, const struct seeder *x)
{
	const struct seed_plan *p = x->plan;
	redisContext *c = redis_sync_open(s->socket);
	struct seeded one = {.id = ""};
	unsigned i;

	for (i = 0; i < p->n; i++) {
		struct seeded *o = x->out != NULL ? &x->out[i] : &one;

		snprintf(o->key, sizeof o->key, "bench:%s:%u", p->name, i);
		o->id[0] = '\0';
		o->deadline_us = (bench_wall_us() + lifetime_us(p, i)) / 1000 * 1000;
		redisAppendCommand(c, "SET %s %b PXAT %lld", o->key, x->content, (size_t)p->bytes,
			(long long)(o->deadline_us / 1000));
		if (i % IN_FLIGHT == IN_FLIGHT - 1)
			redis_sync_answers(c, IN_FLIGHT);
	}
	redis_sync_answers(c, i % IN_FLIGHT);
	redisFree(c);
}

void seed(const struct server *s, const struct seed_plan *p, struct seeded *out)
{
	struct seeder *x = bench_alloc(1, sizeof *x);
	unsigned char *content = bench_alloc(1, p->bytes);

	randombytes_buf(content, p->bytes);
	x->plan = p;
	x->out = out;
	x->content = content;
	if (s->plain)
		seed_plain(s, x);
	else
		seed_timeglas(s, x);
	free(content);
	free(x);
}

/* Settling ----------------------------------------------------------------- */

static long long outbox_length(redisContext *c)
{
	long long sum = 0;

	for (unsigned i = 0; i < TOKEN_SHARDS; i++) {
		redisReply *r = redis_sync_do(c, "XLEN tg:{%02x}:out", i);
		sum += r->integer;
		freeReplyObject(r);
	}
	return sum;
}

void seed_settle(const struct server *s, int64_t settle_ms)
{
	int64_t end = bench_wall_us() + SETTLE_S * INT64_C(1000000), quiet = bench_wall_us();
	long long before = s->plain ? 0 : outbox_length(s->redis), now;

	while (bench_wall_us() - quiet < settle_ms * 1000 && bench_wall_us() < end) {
		usleep(50000);
		now = s->plain ? 0 : outbox_length(s->redis);
		if (now < before)
			quiet = bench_wall_us();
		before = now;
	}
}
