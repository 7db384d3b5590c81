/*
 * latency.c: timeglas-bench latency: how long a put or a take lasts at a fixed rate: half of what
 * nginx with Lua manages at most on this machine, measured first. Requests are sent on a schedule
 * and their time counts from when they were due, so a server that stalls is charged for all that it
 * kept waiting. The method: docs/benchmarks.md. Runs in the benchmark's process.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <timeglas/timeglas.h>
#include "args.h"
#include "bench.h"
#include "commands.h"
#include "compare_main.h"
#include "emit.h"

#define DECADES 6u /* of the plot's axis: to 99.9999 % */

static const struct {
	const char *name;
	double q;
} quantiles[] = {{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p999", 0.999}, {"max", 1}};
#define N_QUANTILES (sizeof quantiles / sizeof *quantiles)

static double share = 0.5;
static unsigned calibrations = 3; /* the best counts: a lower one was disturbed */

/* The rate of each size, from the peer's closed loop. */
static void calibrate(struct compare *c, struct blobs **b)
{
	struct sample s;
	struct system peer;

	if (system_missing(SYSTEM_NGINX) != NULL)
		bench_die("the package %s is not installed (make deps): there is no rate without "
			  "nginx",
			system_missing(SYSTEM_NGINX));
	for (unsigned i = 0; i < c->n_sizes; i++) {
		double best = 0;

		for (unsigned k = 0; k < calibrations && c->rate[i] <= 0; k++) {
			c->all.workers = c->variant[c->n_variants - 1].workers;
			system_start(&c->all, c->variant[c->n_variants - 1].kind, &peer);
			perf_measure(&peer, &c->gen, b[i], &s);
			system_stop(&peer);
			histogram_free(s.all);
			if (s.error[0] != '\0')
				bench_die("cannot find the rate: %s", s.error);
			best = s.per_s > best ? s.per_s : best;
		}
		if (c->rate[i] <= 0)
			c->rate[i] = ceil(best * share);
		bench_say("%zu bytes: %.0f requests a second", c->size[i], c->rate[i]);
	}
}

/* Figures ------------------------------------------------------------------ */

static double of_sample(const struct sample *s, double q)
{
	return s->all != NULL ? histogram_quantile(s->all, q) / 1e6 : (double)NAN;
}

/* Over all rounds together. */
static struct histogram *merged(const struct compare *c, unsigned size, unsigned variant)
{
	struct histogram *h = histogram_new();

	for (unsigned i = 0; i < c->rounds; i++)
		if (compare_at(c, size, variant, i)->all != NULL)
			histogram_merge(h, compare_at(c, size, variant, i)->all);
	return h;
}

static struct spread ratio(const struct compare *c, unsigned size, unsigned variant, double q)
{
	double v[ROUNDS_MAX];

	for (unsigned i = 0; i < c->rounds; i++)
		v[i] = of_sample(compare_at(c, size, 0, i), q) /
			of_sample(compare_at(c, size, variant, i), q);
	return spread_of(v, c->rounds);
}

static struct spread over_rounds(const struct compare *c, unsigned size, unsigned variant, double q)
{
	double v[ROUNDS_MAX];

	for (unsigned i = 0; i < c->rounds; i++)
		v[i] = of_sample(compare_at(c, size, variant, i), q);
	return spread_of(v, c->rounds);
}

static uint64_t backlog(const struct compare *c, unsigned size, unsigned variant)
{
	uint64_t most = 0;

	for (unsigned i = 0; i < c->rounds; i++)
		if (compare_at(c, size, variant, i)->backlog_max > most)
			most = compare_at(c, size, variant, i)->backlog_max;
	return most;
}

/* Reports ------------------------------------------------------------------ */

static void table(const struct compare *c)
{
	printf("Milliseconds from when a request was due, over %u round(s) of %g s together; in "
	       "brackets timeglas : it, median of the rounds\n\n",
		c->rounds, c->gen.measure_s);
	printf("%8s %-12s %8s", "bytes", "", "a second");
	for (size_t k = 0; k < N_QUANTILES; k++)
		printf("  %15s", quantiles[k].name);
	printf("  %9s\n", "kept wait");
	for (unsigned i = 0; i < c->n_sizes; i++) {
		for (unsigned v = 0; v < c->n_variants; v++) {
			struct histogram *h = merged(c, i, v);

			printf("%8zu %-12s %8.0f", c->size[i], c->variant[v].label, c->rate[i]);
			for (size_t k = 0; k < N_QUANTILES; k++) {
				printf("  %8.3f", histogram_quantile(h, quantiles[k].q) / 1e6);
				if (v > 0)
					printf(" (%4.2f)", ratio(c, i, v, quantiles[k].q).median);
				else
					printf(" %6s", "");
			}
			printf("  %9llu\n", (unsigned long long)backlog(c, i, v));
			histogram_free(h);
		}
	}
}

/* The k-th point along the plot's axis: of so many requests one is slower. The last is where one
 * request stands alone. */
static bool curve_point(const struct histogram *h, unsigned k, unsigned in_a_decade, double *of)
{
	*of = pow(10, (double)k / in_a_decade);
	return *of <= (double)histogram_count(h) && k <= DECADES * in_a_decade;
}

/* [share of the requests, ms]… */
static json_t *curve(const struct histogram *h)
{
	json_t *a = json_array();
	double of;

	for (unsigned k = 0; curve_point(h, k, 10, &of); k++)
		json_array_append_new(a,
			json_pack("[fo]", 1 - 1 / of,
				emit_number(histogram_quantile(h, 1 - 1 / of) / 1e6)));
	return a;
}

static json_t *cell_json(const struct compare *c, unsigned size, unsigned variant)
{
	struct histogram *h = merged(c, size, variant);
	json_t *ms = json_object(), *rounds = json_object(), *ratios = json_object(),
	       *voids = json_array(), *j;

	for (size_t k = 0; k < N_QUANTILES; k++) {
		json_object_set_new(ms, quantiles[k].name,
			emit_number(histogram_quantile(h, quantiles[k].q) / 1e6));
		json_object_set_new(rounds, quantiles[k].name,
			emit_spread(over_rounds(c, size, variant, quantiles[k].q)));
		if (variant > 0)
			json_object_set_new(ratios, quantiles[k].name,
				emit_spread(ratio(c, size, variant, quantiles[k].q)));
	}
	for (unsigned i = 0; i < c->rounds; i++)
		if (compare_at(c, size, variant, i)->error[0] != '\0')
			json_array_append_new(
				voids, json_string(compare_at(c, size, variant, i)->error));
	j = json_pack("{sisssosIsosososIsoso}", "bytes", (int)c->size[size], "system",
		c->variant[variant].label, "rate", emit_number(c->rate[size]), "requests",
		(json_int_t)histogram_count(h), "ms", ms, "rounds", rounds, "ratio", ratios,
		"backlog_max", (json_int_t)backlog(c, size, variant), "void", voids, "curve",
		curve(h));
	histogram_free(h);
	return j;
}

static void json(const struct compare *c, const char *path)
{
	json_t *cells = json_array();

	for (unsigned i = 0; i < c->n_sizes; i++)
		for (unsigned v = 0; v < c->n_variants; v++)
			json_array_append_new(cells, cell_json(c, i, v));
	emit_json(json_pack("{sssssssisisisososo}", "benchmark", c->name, "timeglas", TG_VERSION,
			  "redis", c->all.redis.version, "cores",
			  (int)sysconf(_SC_NPROCESSORS_ONLN), "clients", (int)c->gen.clients,
			  "rounds", (int)c->rounds, "share", emit_number(share), "seconds",
			  emit_number(c->gen.measure_s), "cells", cells),
		path);
}

static void plot_data(FILE *f, const struct compare *c, unsigned size, unsigned variant)
{
	struct histogram *h = merged(c, size, variant);
	double of;

	fprintf(f, "$c%u_%u << EOD\n", size, variant);
	for (unsigned k = 0; curve_point(h, k, 50, &of); k++)
		fprintf(f, "%g %g\n", of, histogram_quantile(h, 1 - 1 / of) / 1e6);
	fprintf(f, "EOD\n");
	histogram_free(h);
}

static void plot(const struct compare *c, const char *path)
{
	static const char *const ours[] = {"#2b8cbe", "#084081", "#7fc4e8"},
				 *const theirs[] = {"#ef6548", "#990000", "#fdbb84"};
	FILE *f = emit_plot(path);

	fprintf(f,
		"set title 'timeglas-bench latency: from when a request was due'\nset logscale "
		"xy\nset xlabel 'of all requests'\n"
		"set xtics ('0 %%%%' 1, '90 %%%%' 10, '99 %%%%' 100, '99.9 %%%%' 1e3, '99.99 %%%%' "
		"1e4, '99.999 %%%%' 1e5, '99.9999 %%%%' 1e6)\n"
		"set ylabel 'ms'\nset format y '%%g'\n");
	for (unsigned i = 0; i < c->n_sizes; i++)
		for (unsigned v = 0; v < c->n_variants; v++)
			plot_data(f, c, i, v);
	for (unsigned i = 0; i < c->n_sizes; i++)
		for (unsigned v = 0; v < c->n_variants; v++)
			fprintf(f,
				"%s$c%u_%u using 1:2 with lines lw 2 lc '%s' title '%s, %zu KiB, "
				"%.0f a second'",
				i + v == 0 ? "plot " : ", ", i, v, (v == 0 ? ours : theirs)[i % 3],
				c->variant[v].label, c->size[i] >> 10, c->rate[i]);
	fputc('\n', f);
	emit_plot_end(f);
}

/* The command line --------------------------------------------------------- */

static void take_workers(struct compare *c, const char *value)
{
	for (unsigned i = 0; i < c->n_variants; i++)
		c->variant[i].workers = (unsigned)args_number(value, strlen(value), 16);
}

static void take_rate(struct compare *c, const char *value)
{
	for (unsigned i = 0; i < SIZES_MAX; i++)
		c->rate[i] = (double)args_number(value, strlen(value), 1000000);
}

static void take_share(struct compare *c, const char *value)
{
	(void)c;
	share = (double)args_number(value, strlen(value), 100) / 100;
}

static void once(struct compare *c)
{
	c->n_sizes = 1;
	calibrations = 1;
}

int latency_main(int argc, char **argv, const char *dir)
{
	static const struct compare_reports reports = {.table = table, .json = json, .plot = plot};
	static const struct compare_cli cli = {
		.usage = "  --workers N       of each server (1)\n"
			 "  --rate N          requests a second, instead of a share of nginx's\n"
			 "  --share PERCENT   of what nginx does at most (50)\n",
		.own = {{"workers", take_workers}, {"rate", take_rate}, {"share", take_share}},
		.quick = once,
		.reports = &reports,
	};
	struct compare c = {
		.name = "latency",
		.versus = "timeglas : it",
		.prepare = calibrate,
		.size = {4096, 32768},
		.n_sizes = 2,
		.rounds = 5,
		.variant = {{SYSTEM_TIMEGLAS, 1, 0, "timeglas"}, {SYSTEM_NGINX, 1, 0, "nginx"}},
		.n_variants = 2,
		.gen = {.clients = 32, .live = 200, .warm_s = 1, .measure_s = 8},
		.all = {.anywhere = true},
	};

	return compare_main(&c, &cli, argc, argv, dir);
}
