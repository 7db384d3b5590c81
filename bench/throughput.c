/*
 * throughput.c: timeglas-bench throughput: timeglas and its peers in a steady state of puts and
 * takes (compare.h). And the two that compare timeglas with itself: scale, with one worker and two,
 * and live, with few and with a million blobs in the store.
 */
#include <stdio.h>
#include <string.h>
#include "args.h"
#include "bench.h"
#include "commands.h"
#include "compare_main.h"

static const struct gen_plan load = {.clients = 32, .live = 200, .warm_s = 1, .measure_s = 4};

static void two_sizes(struct compare *c)
{
	c->n_sizes = 2;
	c->size[0] = 4096;
	c->size[1] = 262144;
}

/* throughput --------------------------------------------------------------- */

static void add_kind(struct compare *c, enum system_kind kind)
{
	struct variant *v = &c->variant[c->n_variants];

	if (c->n_variants == VARIANTS_MAX)
		bench_die("too many peers");
	if (system_missing(kind) != NULL) {
		bench_say("%s is left out: the package %s is not installed (make deps)",
			system_name(kind), system_missing(kind));
		return;
	}
	*v = (struct variant){.kind = kind, .workers = c->all.workers};
	snprintf(v->label, sizeof v->label, "%s", system_name(kind));
	c->n_variants++;
}

static void add_peer(const char *word, size_t len, void *ctx)
{
	int kind = system_kind(word, len);

	if (len == 4 && memcmp(word, "none", 4) == 0)
		return;
	if (kind <= SYSTEM_TIMEGLAS)
		bench_die("--peers takes nginx, nginx-simple, webdis, redis-tls, redis-unix, or "
			  "none");
	add_kind(ctx, (enum system_kind)kind);
}

static void take_peers(struct compare *c, const char *value)
{
	c->n_variants = 0;
	add_kind(c, SYSTEM_TIMEGLAS);
	args_each(value, add_peer, c);
}

static void take_workers(struct compare *c, const char *value)
{
	c->all.workers = (unsigned)args_number(value, strlen(value), 16);
	for (unsigned i = 0; i < c->n_variants; i++)
		c->variant[i].workers = c->all.workers;
}

static void take_names(struct compare *c, const char *value)
{
	if (strcmp(value, "server") != 0 && strcmp(value, "uploader") != 0)
		bench_die("--names takes server or uploader");
	c->all.named = strcmp(value, "uploader") == 0;
}

int throughput_main(int argc, char **argv, const char *dir)
{
	static const struct compare_cli cli = {
		.usage = "  --peers WHICH     beside timeglas: nginx, nginx-simple, webdis, "
			 "redis-tls, redis-unix; none (all)\n"
			 "  --before FILE     beside timeglas: another build's timeglasd, and "
			 "nobody else\n"
			 "  --workers N       of each server (1)\n"
			 "  --names WHOSE     who names timeglas' blobs: the server, or the "
			 "uploader, as for a signed file (server)\n",
		.own = {{"peers", take_peers}, {"before", compare_before},
			{"workers", take_workers}, {"names", take_names}},
		.quick = two_sizes,
	};
	struct compare c = {
		.name = "throughput",
		.versus = "timeglas : it",
		.size = {4096, 32768, 262144, 1048576},
		.n_sizes = 4,
		.rounds = 5,
		.gen = load,
		.all = {.workers = 1},
	};

	for (int i = 0; i < SYSTEM_KINDS; i++)
		add_kind(&c, (enum system_kind)i);
	return compare_main(&c, &cli, argc, argv, dir);
}

/* scale -------------------------------------------------------------------- */

int scale_main(int argc, char **argv, const char *dir)
{
	static const struct compare_cli cli = {.usage = "", .quick = two_sizes};
	struct compare c = {
		.name = "scale",
		.versus = "2 workers : 1",
		.size = {4096, 32768, 262144, 1048576},
		.n_sizes = 4,
		.rounds = 5,
		.gen = load,
		.variant = {{SYSTEM_TIMEGLAS, 2, 0, "2 workers"},
			{SYSTEM_TIMEGLAS, 1, 0, "1 worker"}},
		.n_variants = 2,
	};

	return compare_main(&c, &cli, argc, argv, dir);
}

/* live --------------------------------------------------------------------- */

static void set_live(struct compare *c, unsigned i, unsigned n)
{
	c->variant[i] = (struct variant){.kind = SYSTEM_TIMEGLAS, .workers = 1, .standing = n};
	snprintf(c->variant[i].label, sizeof c->variant[i].label, "%u live", n);
}

static void take_live(struct compare *c, const char *value)
{
	set_live(c, 0, (unsigned)args_number(value, strlen(value), 100000000));
}

static void few_live(struct compare *c)
{
	two_sizes(c);
	set_live(c, 0, 3000);
}

int live_main(int argc, char **argv, const char *dir)
{
	static const struct compare_cli cli = {
		.usage = "  --live N          blobs in the store, next to 1000 (1000000)\n",
		.own = {{"live", take_live}},
		.quick = few_live};
	struct compare c = {.name = "live",
		.versus = "many : few",
		.size = {4096, 32768},
		.n_sizes = 2,
		.rounds = 5,
		.gen = load,
		.n_variants = 2};

	set_live(&c, 0, 1000000);
	set_live(&c, 1, 1000);
	return compare_main(&c, &cli, argc, argv, dir);
}
