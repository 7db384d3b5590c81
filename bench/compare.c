/* compare.c: see compare.h. The method: docs/benchmarks.md. It judges nothing. Runs in the
 * benchmark's process. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "bench.h"
#include "compare.h"
#include "seed.h"

#define POOL_BLOBS 256u
#define DAY_MS INT64_C(86400000)
#define STANDING_BYTES 300u /* of a small envelope */
#define SETTLE_MS 1000

struct sample *compare_at(const struct compare *c, unsigned size, unsigned variant, unsigned round)
{
	return &c->samples[(size * c->n_variants + variant) * c->rounds + round];
}

static double figure(const struct sample *s, compare_figure *what)
{
	return s->error[0] == '\0' ? what(s) : (double)NAN;
}

struct spread compare_of(
	const struct compare *c, unsigned size, unsigned variant, compare_figure *what)
{
	double v[ROUNDS_MAX];

	for (unsigned i = 0; i < c->rounds; i++)
		v[i] = figure(compare_at(c, size, variant, i), what);
	return spread_of(v, c->rounds);
}

struct spread compare_ratio(
	const struct compare *c, unsigned size, unsigned variant, compare_figure *what)
{
	double v[ROUNDS_MAX];

	for (unsigned i = 0; i < c->rounds; i++)
		v[i] = figure(compare_at(c, size, 0, i), what) /
			figure(compare_at(c, size, variant, i), what);
	return spread_of(v, c->rounds);
}

void compare_before(struct compare *c, const char *program)
{
	if (access(program, X_OK) != 0)
		bench_die("--before takes a timeglasd: %s cannot be run", program);
	c->versus = "now : before";
	c->variant[1] = (struct variant){.kind = SYSTEM_TIMEGLAS,
		.workers = c->variant[0].workers,
		.label = "before",
		.program = program};
	c->n_variants = 2;
}

static void start(struct compare *c, const struct variant *v, struct system *s)
{
	const struct seed_plan standing = {
		v->standing, STANDING_BYTES, DAY_MS - 1000, 0, "standing"};

	c->all.workers = v->workers;
	c->all.program = v->program;
	system_start(&c->all, v->kind, s);
	if (v->standing == 0)
		return;
	bench_say("%s: storing %u blobs", v->label, v->standing);
	seed(&s->store, &standing, NULL);
	seed_settle(&s->store, SETTLE_MS);
}

static void measure(const struct compare *c, struct system *s, struct blobs *b, unsigned size,
	struct sample *out)
{
	struct gen_plan plan = c->gen;

	server_use_memory(&s->store);
	plan.rate = c->rate[size];
	(c->measure != NULL ? c->measure : perf_measure)(s, &plan, b, out);
}

/* kept: the servers that stay up. */
static void cell_run(struct compare *c, struct system *kept, struct blobs *b, unsigned size,
	unsigned variant, unsigned round)
{
	const struct variant *v = &c->variant[variant];
	struct sample *out = compare_at(c, size, variant, round);
	char bytes[32] = "";
	struct system own = {.front = 0}, *s = v->standing > 0 ? &kept[variant] : &own;

	if (s == &own || s->store.pid == 0)
		start(c, v, s);
	measure(c, s, b, size, out);
	if (s == &own)
		system_stop(s);
	if (c->size[size] > 0)
		snprintf(bytes, sizeof bytes, " %zu bytes,", c->size[size]);
	if (out->error[0] != '\0')
		bench_say("round %u,%s %s: VOID: %s", round + 1, bytes, v->label, out->error);
	else
		bench_say("round %u,%s %s: %.0f a second; each %.1f us in workers, %.1f in Redis",
			round + 1, bytes, v->label, out->per_s, out->us[CPU_WORKERS],
			out->us[CPU_REDIS]);
}

void compare_run(struct compare *c, const char *dir)
{
	struct system *kept = bench_alloc(c->n_variants, sizeof *kept);
	struct blobs *b[SIZES_MAX] = {NULL};

	c->samples =
		bench_alloc((size_t)c->n_sizes * c->n_variants * c->rounds, sizeof *c->samples);
	/* for all of them, or for none: they are compared */
	for (unsigned k = 0; k < c->n_variants; k++)
		c->all.anywhere = c->all.anywhere || !cpu_enough(c->variant[k].workers);
	system_set_open(&c->all, dir);
	for (unsigned i = 0; i < c->n_sizes; i++)
		b[i] = c->size[i] > 0 ? blobs_new(POOL_BLOBS, c->size[i]) : NULL;
	if (c->prepare != NULL)
		c->prepare(c, b);
	for (unsigned round = 0; round < c->rounds; round++)
		for (unsigned i = 0; i < c->n_sizes; i++)
			for (unsigned k = 0; k < c->n_variants; k++)
				cell_run(c, kept, b[i], i, (k + round) % c->n_variants, round);
	for (unsigned i = 0; i < c->n_sizes; i++)
		blobs_free(b[i]);
	for (unsigned k = 0; k < c->n_variants; k++)
		if (kept[k].store.pid != 0)
			system_stop(&kept[k]);
	free(kept);
}

void compare_free(struct compare *c)
{
	for (size_t i = 0; i < (size_t)c->n_sizes * c->n_variants * c->rounds; i++)
		histogram_free(c->samples[i].all);
	free(c->samples);
	c->samples = NULL;
}
