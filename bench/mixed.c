/*
 * mixed.c: timeglas-bench mixed: how long a put or a take of a small blob lasts at a fixed rate,
 * alone and beside large transfers that run all the time, next to nginx with Lua. The time of a
 * small request counts from when it was due. docs/benchmarks.md tells the method.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "args.h"
#include "bench.h"
#include "commands.h"
#include "compare_main.h"
#include "emit.h"
#include "latency_report.h"

#define MIB 1048576.0

enum load { ALONE, BESIDE };

static struct {
	unsigned mib, n;     /* of the large transfers */
	struct blobs *blobs; /* more than n */
} large = {.mib = 30, .n = 4};

/* Measuring ---------------------------------------------------------------- */

static void seal_large(struct compare *c, struct blobs **b)
{
	(void)c;
	(void)b;
	bench_say("sealing %u blobs of %u MiB", large.n + 2, large.mib);
	large.blobs = blobs_new(large.n + 2, (size_t)large.mib << 20);
}

static void mixed_measure(const struct compare_cell *cell, struct sample *out)
{
	struct transfers *t;
	char error[sizeof out->error];

	if (cell->size == ALONE) {
		perf_measure(cell->system, &cell->plan, cell->blobs, out);
		return;
	}
	t = transfers_start(&cell->system->wire, large.blobs, large.n);
	perf_measure_beside(cell->system, &cell->plan, cell->blobs, t, out);
	transfers_stop(t, error, sizeof error);
	if (error[0] != '\0' && out->error[0] == '\0')
		memcpy(out->error, error, sizeof out->error);
}

/* Reports ------------------------------------------------------------------ */

static double mib_per_s(const struct sample *s)
{
	return s->transfers_per_s > 0 ? s->transfers_per_s * large.mib : (double)NAN;
}

static double workers_ms(const struct sample *s)
{
	return s->busy[CPU_WORKERS] * 1000 / mib_per_s(s);
}

static double redis_ms(const struct sample *s)
{
	return s->busy[CPU_REDIS] * 1000 / mib_per_s(s);
}

static double server_ms(const struct sample *s)
{
	return (s->busy[CPU_WORKERS] + s->busy[CPU_REST] + s->busy[CPU_REDIS]) * 1000 /
		mib_per_s(s);
}

/* What is told of the transfers. The processor time is that of small requests and transfers
 * together. */
static const struct {
	const char *name, *title;
	compare_figure *of;
} figures[] = {
	{"mib_per_s", "MiB a second", mib_per_s},
	{"workers_ms_per_mib", "ms of workers a MiB", workers_ms},
	{"redis_ms_per_mib", "ms of Redis a MiB", redis_ms},
	{"server_ms_per_mib", "ms of all a MiB", server_ms},
};
#define N_FIGURES (sizeof figures / sizeof *figures)

static void print_spread(struct spread s)
{
	char t[16];

	printf("  %8s", emit_text(s.median, 3, t));
	printf(" %7s", emit_text(s.low, 3, t));
	printf(" %7s", emit_text(s.high, 3, t));
}

static void mixed_table(const struct compare *c)
{
	char name[72];

	latency_report_table(c);
	printf("\n%u transfers of %u MiB at once, meanwhile: median of the rounds, and the "
	       "interval "
	       "that holds it with 95 %%\n\n%-40s",
		large.n, large.mib, "");
	for (size_t i = 0; i < N_FIGURES; i++)
		printf("  %24s", figures[i].title);
	for (unsigned v = 0; v < c->n_variants; v++) {
		printf("\n%-40s", c->variant[v].label);
		for (size_t i = 0; i < N_FIGURES; i++)
			print_spread(compare_of(c, BESIDE, v, figures[i].of));
	}
	for (unsigned k = 0; k < c->n_pairs; k++) {
		snprintf(name, sizeof name, "%s : %s", c->variant[c->pair[k].of].label,
			c->variant[c->pair[k].to].label);
		printf("\n%-40s", name);
		for (size_t i = 0; i < N_FIGURES; i++)
			print_spread(compare_ratio(c, BESIDE, c->pair[k], figures[i].of));
	}
	putchar('\n');
}

static json_t *transfers_json(const struct compare *c)
{
	json_t *all = json_object();

	for (unsigned v = 0; v < c->n_variants; v++) {
		json_t *one = json_object();

		for (size_t i = 0; i < N_FIGURES; i++)
			json_object_set_new(one, figures[i].name,
				emit_spread(compare_of(c, BESIDE, v, figures[i].of)));
		json_object_set_new(all, c->variant[v].label, one);
	}
	return all;
}

static json_t *transfers_pairs_json(const struct compare *c)
{
	json_t *all = json_array();

	for (unsigned k = 0; k < c->n_pairs; k++) {
		json_t *one = json_pack("{ssss}", "of", c->variant[c->pair[k].of].label, "to",
			c->variant[c->pair[k].to].label);

		for (size_t i = 0; i < N_FIGURES; i++)
			json_object_set_new(one, figures[i].name,
				emit_spread(compare_ratio(c, BESIDE, c->pair[k], figures[i].of)));
		json_array_append_new(all, one);
	}
	return all;
}

static void mixed_json(const struct compare *c, const char *path)
{
	json_t *all = latency_report_object(c);

	json_object_set_new(all, "large_mib", json_integer(large.mib));
	json_object_set_new(all, "large_at_once", json_integer(large.n));
	json_object_set_new(all, "transfers", transfers_json(c));
	json_object_set_new(all, "transfers_pairs", transfers_pairs_json(c));
	emit_json(all, path);
}

/* The command line --------------------------------------------------------- */

static void take_rate(struct compare *c, const char *value)
{
	c->rate[ALONE] = c->rate[BESIDE] = (double)args_number(value, strlen(value), 1000000);
}

static void take_large(struct compare *c, const char *value)
{
	(void)c;
	large.mib = (unsigned)args_number(value, strlen(value), 30);
}

static void take_transfers(struct compare *c, const char *value)
{
	(void)c;
	large.n = (unsigned)args_number(value, strlen(value), 64);
}

static void shorten(struct compare *c)
{
	c->rate[ALONE] = c->rate[BESIDE] = 200;
	large.mib = 2;
	large.n = 2;
}

static void list_pairs(struct compare *c)
{
	if (c->before != NULL)
		compare_insert_before(c);
	else if (c->n_variants > 1)
		compare_pair(c, 0, 1);
}

int mixed_main(int argc, char **argv, const char *dir)
{
	static const struct compare_reports reports = {
		.table = mixed_table, .json = mixed_json, .plot = latency_report_plot};
	static const struct compare_cli cli = {
		.usage = "  --before FILE     another build's timeglasd, too\n"
			 "  --workers N       of each server (1)\n"
			 "  --rate N          small requests a second (2000)\n"
			 "  --large MIB       size of the large blobs (30)\n"
			 "  --transfers N     large transfers at once (4)\n",
		.own = {{"before", compare_before}, {"workers", compare_workers},
			{"rate", take_rate}, {"large", take_large}, {"transfers", take_transfers}},
		.quick = shorten,
		.ready = list_pairs,
		.sizeless = true,
		.reports = &reports,
	};
	struct compare c = {
		.name = "mixed",
		.versus = "timeglas : it",
		.prepare = seal_large,
		.measure = mixed_measure,
		.rate = {2000, 2000},
		.size = {4096, 4096},
		.load = {"alone", "beside"},
		.n_sizes = 2,
		.rounds = 5,
		.variant = {{.kind = SYSTEM_TIMEGLAS, .workers = 1, .label = "timeglas"},
			{.kind = SYSTEM_NGINX, .workers = 1, .label = "nginx"}},
		.n_variants = 2,
		.with_peers = true,
		.gen = {.clients = 32, .live = 200, .warm_s = 1, .measure_s = 6},
		.all = {.anywhere = true},
	};
	int status;

	if (system_missing(SYSTEM_NGINX) != NULL) {
		bench_say("nginx is left out: the package %s is not installed (make deps)",
			system_missing(SYSTEM_NGINX));
		c.n_variants = 1;
	}
	status = compare_main(&c, &cli, argc, argv, dir);
	blobs_free(large.blobs);
	return status;
}
