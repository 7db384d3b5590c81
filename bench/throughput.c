/*
 * throughput.c: timeglas-bench throughput: timeglas and its peers in a steady state of puts and
 * takes, as fast as they answer (compare.h).
 */
#include <stdio.h>
#include <string.h>
#include "args.h"
#include "bench.h"
#include "commands.h"
#include "compare_main.h"

static void two_sizes(struct compare *c)
{
	c->n_sizes = 2;
	c->size[0] = 4096;
	c->size[1] = 262144;
}

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
	c->with_peers = true;
	add_kind(c, SYSTEM_TIMEGLAS);
	args_each(value, add_peer, c);
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
			 "the peers of --peers (none)\n"
			 "  --workers N       of each server (1)\n"
			 "  --names WHOSE     who names timeglas' blobs: the server, or the "
			 "uploader, as for a signed file (server)\n",
		.own = {{"peers", take_peers}, {"before", compare_before},
			{"workers", compare_workers}, {"names", take_names}},
		.quick = two_sizes,
	};
	struct compare c = {
		.name = "throughput",
		.versus = "timeglas : it",
		.size = {4096, 32768, 262144, 1048576},
		.n_sizes = 4,
		.rounds = 5,
		.gen = {.clients = 32, .live = 200, .warm_s = 1, .measure_s = 4},
		.all = {.workers = 1},
	};

	for (int i = 0; i < SYSTEM_KINDS; i++)
		add_kind(&c, (enum system_kind)i);
	return compare_main(&c, &cli, argc, argv, dir);
}
