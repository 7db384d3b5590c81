/* compare.c: see compare.h. docs/benchmarks.md tells the method. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "bench.h"
#include "compare.h"
#include "seed.h"

#define POOL_BLOBS 256u
#define STANDING_BYTES 300u /* the size of a small envelope */
#define FILL_CLIENTS 32u
#define FILL_LAST_S 0.1
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
	const struct compare *c, unsigned size, struct pair p, compare_figure *what)
{
	double v[ROUNDS_MAX];

	for (unsigned i = 0; i < c->rounds; i++)
		v[i] = figure(compare_at(c, size, p.of, i), what) /
			figure(compare_at(c, size, p.to, i), what);
	return spread_of(v, c->rounds);
}

/* Variants ----------------------------------------------------------------- */

void compare_pair(struct compare *c, unsigned of, unsigned to)
{
	if (c->n_pairs == PAIRS_MAX)
		bench_die("too many pairs");
	c->pair[c->n_pairs++] = (struct pair){of, to};
}

void compare_before(struct compare *c, const char *program)
{
	if (access(program, X_OK) != 0)
		bench_die("--before takes a timeglasd: %s cannot be run", program);
	c->before = program;
}

void compare_insert_before(struct compare *c)
{
	if (!c->with_peers) {
		c->versus = "now : before";
		c->n_variants = 1;
	}
	if (c->n_variants == VARIANTS_MAX)
		bench_die("too many peers");
	memmove(&c->variant[2], &c->variant[1], (c->n_variants - 1) * sizeof c->variant[0]);
	c->variant[1] = c->variant[0];
	c->variant[1].program = c->before;
	snprintf(c->variant[1].label, sizeof c->variant[1].label, "before");
	c->n_variants++;
	for (unsigned i = 2; i < c->n_variants; i++) {
		compare_pair(c, 0, i);
		compare_pair(c, 1, i);
	}
	compare_pair(c, 0, 1);
}

/* Measuring ---------------------------------------------------------------- */

/* Puts the standing blobs into a server over HTTP, because another build may store them in another
 * form. Returns the bytes of Redis's memory for each. */
static double fill(struct system *s, const struct variant *v)
{
	const struct gen_plan plan = {
		.clients = FILL_CLIENTS, .live = v->standing, .measure_s = FILL_LAST_S};
	struct blobs *b = blobs_new(POOL_BLOBS, STANDING_BYTES);
	double before = server_memory(&s->store);
	struct gen_result r;

	bench_say("%s: storing %u blobs", v->label, v->standing);
	gen_run(&s->wire, &plan, b, &r);
	if (r.error[0] != '\0')
		bench_die("cannot store the standing blobs: %s", r.error);
	gen_result_free(&r);
	blobs_free(b);
	seed_settle(&s->store, SETTLE_MS);
	return (server_memory(&s->store) - before) / v->standing;
}

static void start(struct compare *c, unsigned variant, struct system *s)
{
	const struct variant *v = &c->variant[variant];

	c->all.workers = v->workers;
	c->all.program = v->program;
	system_start(&c->all, v->kind, s);
	if (v->standing > 0)
		c->standing_bytes[variant] = fill(s, v);
}

static void measure(const struct compare *c, struct compare_cell *cell, struct sample *out)
{
	server_use_memory(&cell->system->store);
	cell->plan = c->gen;
	cell->plan.rate = c->rate[cell->size];
	if (c->measure != NULL)
		c->measure(cell, out);
	else
		perf_measure(cell->system, &cell->plan, cell->blobs, out);
}

static void tell(const struct compare *c, const struct compare_cell *cell, unsigned round,
	const struct sample *out)
{
	const char *label = c->variant[cell->variant].label;
	char load[32] = "";

	if (c->load[cell->size] != NULL)
		snprintf(load, sizeof load, " %s,", c->load[cell->size]);
	else if (c->size[cell->size] > 0)
		snprintf(load, sizeof load, " %zu bytes,", c->size[cell->size]);
	if (out->error[0] != '\0')
		bench_say("round %u,%s %s: VOID: %s", round + 1, load, label, out->error);
	else
		bench_say("round %u,%s %s: %.0f a second; each %.1f us in workers, %.1f in Redis",
			round + 1, load, label, out->per_s, out->us[CPU_WORKERS],
			out->us[CPU_REDIS]);
}

/* Takes one sample. kept: the servers of variants with standing blobs, which stay up. */
static void cell_run(
	struct compare *c, struct system *kept, struct compare_cell *cell, unsigned round)
{
	const struct variant *v = &c->variant[cell->variant];
	struct sample *out = compare_at(c, cell->size, cell->variant, round);
	struct system own = {.front = 0};

	cell->system = v->standing > 0 ? &kept[cell->variant] : &own;
	if (cell->system->store.pid == 0)
		start(c, cell->variant, cell->system);
	measure(c, cell, out);
	if (cell->system == &own)
		system_stop(&own);
	tell(c, cell, round, out);
}

void compare_run(struct compare *c, const char *dir)
{
	struct system *kept = bench_alloc(c->n_variants, sizeof *kept);
	struct blobs *b[SIZES_MAX] = {NULL};

	c->samples =
		bench_alloc((size_t)c->n_sizes * c->n_variants * c->rounds, sizeof *c->samples);
	/* Place the processes of every variant, or of none: they are compared. */
	for (unsigned k = 0; k < c->n_variants; k++)
		c->all.anywhere = c->all.anywhere || !cpu_enough(c->variant[k].workers);
	system_set_open(&c->all, dir);
	for (unsigned i = 0; i < c->n_sizes; i++)
		b[i] = c->size[i] > 0 ? blobs_new(POOL_BLOBS, c->size[i]) : NULL;
	if (c->prepare != NULL)
		c->prepare(c, b);
	for (unsigned round = 0; round < c->rounds; round++)
		for (unsigned i = 0; i < c->n_sizes; i++)
			for (unsigned k = 0; k < c->n_variants; k++) {
				struct compare_cell cell = {.blobs = b[i],
					.size = i,
					.variant = (k + round) % c->n_variants};

				cell_run(c, kept, &cell, round);
			}
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
