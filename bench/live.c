/*
 * live.c: timeglas-bench live: timeglas with many blobs in the store next to timeglas with few,
 * under the load of throughput, and the memory that Redis needs for each blob. With --before the
 * same of another build.
 */
#include <stdio.h>
#include <string.h>
#include "args.h"
#include "commands.h"
#include "compare_main.h"

static unsigned many = 1000000, few = 1000;

static void take_live(struct compare *c, const char *value)
{
	(void)c;
	many = (unsigned)args_number(value, strlen(value), 100000000);
}

static void shorten(struct compare *c)
{
	c->n_sizes = 1;
	many = 3000;
}

static void add(struct compare *c, const char *program, unsigned standing)
{
	struct variant *v = &c->variant[c->n_variants++];

	*v = (struct variant){
		.kind = SYSTEM_TIMEGLAS, .workers = 1, .standing = standing, .program = program};
	snprintf(v->label, sizeof v->label, "%s%u live", program != NULL ? "before, " : "",
		standing);
}

static void list_variants(struct compare *c)
{
	add(c, NULL, many);
	add(c, NULL, few);
	compare_pair(c, 0, 1);
	if (c->before == NULL)
		return;
	add(c, c->before, many);
	add(c, c->before, few);
	compare_pair(c, 2, 3);
}

int live_main(int argc, char **argv, const char *dir)
{
	static const struct compare_cli cli = {
		.usage = "  --live N          blobs in the store, next to 1000 (1000000)\n"
			 "  --before FILE     the same of another build's timeglasd, too\n",
		.own = {{"live", take_live}, {"before", compare_before}},
		.quick = shorten,
		.ready = list_variants,
	};
	struct compare c = {
		.name = "live",
		.versus = "first : it",
		.size = {4096, 32768},
		.n_sizes = 2,
		.rounds = 5,
		.gen = {.clients = 32, .live = 200, .warm_s = 1, .measure_s = 4},
	};

	return compare_main(&c, &cli, argc, argv, dir);
}
