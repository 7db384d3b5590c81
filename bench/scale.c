/* scale.c: timeglas-bench scale: timeglas with two workers next to timeglas with one, under the
 * load of throughput. */
#include "commands.h"
#include "compare_main.h"

static void two_sizes(struct compare *c)
{
	c->n_sizes = 2;
	c->size[0] = 4096;
	c->size[1] = 262144;
}

int scale_main(int argc, char **argv, const char *dir)
{
	static const struct compare_cli cli = {.usage = "", .quick = two_sizes};
	struct compare c = {
		.name = "scale",
		.versus = "2 workers : 1",
		.size = {4096, 32768, 262144, 1048576},
		.n_sizes = 4,
		.rounds = 5,
		.gen = {.clients = 32, .live = 200, .warm_s = 1, .measure_s = 4},
		.variant = {{.kind = SYSTEM_TIMEGLAS, .workers = 2, .label = "2 workers"},
			{.kind = SYSTEM_TIMEGLAS, .workers = 1, .label = "1 worker"}},
		.n_variants = 2,
	};

	return compare_main(&c, &cli, argc, argv, dir);
}
