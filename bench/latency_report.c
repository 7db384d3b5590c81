/* latency_report.c: see latency_report.h. JSON has every figure; the table rounds. */
#include <math.h>
#include <stdio.h>
#include <unistd.h>
#include <timeglas/timeglas.h>
#include "emit.h"
#include "latency_report.h"

#define DECADES 6u /* of the plot's axis, which ends at 99.9999 % */

/* Figures ------------------------------------------------------------------ */

static double of_sample(const struct sample *s, double q)
{
	return s->all != NULL ? histogram_quantile(s->all, q) / 1e6 : (double)NAN;
}

static double p50(const struct sample *s)
{
	return of_sample(s, 0.5);
}

static double p90(const struct sample *s)
{
	return of_sample(s, 0.9);
}

static double p99(const struct sample *s)
{
	return of_sample(s, 0.99);
}

static double p999(const struct sample *s)
{
	return of_sample(s, 0.999);
}

static double largest(const struct sample *s)
{
	return of_sample(s, 1);
}

static const struct {
	const char *name;
	double q;
	compare_figure *of;
} quantiles[] = {
	{"p50", 0.5, p50},
	{"p90", 0.9, p90},
	{"p99", 0.99, p99},
	{"p999", 0.999, p999},
	{"max", 1, largest},
};
#define N_QUANTILES (sizeof quantiles / sizeof *quantiles)

static const char *load_name(const struct compare *c, unsigned size, char text[16])
{
	if (c->load[size] != NULL)
		return c->load[size];
	snprintf(text, 16, "%zu", c->size[size]);
	return text;
}

/* The latencies of all rounds together. The caller frees them. */
static struct histogram *merged(const struct compare *c, unsigned size, unsigned variant)
{
	struct histogram *h = histogram_new();

	for (unsigned i = 0; i < c->rounds; i++)
		if (compare_at(c, size, variant, i)->all != NULL)
			histogram_merge(h, compare_at(c, size, variant, i)->all);
	return h;
}

static uint64_t backlog(const struct compare *c, unsigned size, unsigned variant)
{
	uint64_t most = 0;

	for (unsigned i = 0; i < c->rounds; i++)
		if (compare_at(c, size, variant, i)->backlog_max > most)
			most = compare_at(c, size, variant, i)->backlog_max;
	return most;
}

/* Table -------------------------------------------------------------------- */

static void row(const struct compare *c, unsigned size, unsigned variant)
{
	struct histogram *h = merged(c, size, variant);
	const struct pair to_it = {0, variant};
	char text[16];

	printf("%8s %-12s %8.0f", load_name(c, size, text), c->variant[variant].label,
		c->rate[size]);
	for (size_t k = 0; k < N_QUANTILES; k++) {
		printf("  %8.3f", histogram_quantile(h, quantiles[k].q) / 1e6);
		if (variant > 0)
			printf(" (%4.2f)", compare_ratio(c, size, to_it, quantiles[k].of).median);
		else
			printf(" %6s", "");
	}
	printf("  %9llu\n", (unsigned long long)backlog(c, size, variant));
	histogram_free(h);
}

static void pairs_table(const struct compare *c)
{
	char name[72], text[16];

	printf("\nRatios: median of the rounds, and the interval that holds it with 95 %%\n\n");
	printf("%8s %-40s", "load", "");
	for (size_t k = 0; k < N_QUANTILES; k++)
		printf("  %17s", quantiles[k].name);
	putchar('\n');
	for (unsigned i = 0; i < c->n_sizes; i++)
		for (unsigned k = 0; k < c->n_pairs; k++) {
			const struct pair *p = &c->pair[k];

			snprintf(name, sizeof name, "%s : %s", c->variant[p->of].label,
				c->variant[p->to].label);
			printf("%8s %-40s", load_name(c, i, text), name);
			for (size_t q = 0; q < N_QUANTILES; q++) {
				struct spread r = compare_ratio(c, i, *p, quantiles[q].of);

				printf("  %5s", emit_text(r.median, 2, text));
				printf(" %5s", emit_text(r.low, 2, text));
				printf(" %5s", emit_text(r.high, 2, text));
			}
			putchar('\n');
		}
}

void latency_report_table(const struct compare *c)
{
	printf("Milliseconds from when a request was due, over %u round(s) of %g s together; in "
	       "brackets timeglas : it, median of the rounds\n\n",
		c->rounds, c->gen.measure_s);
	printf("%8s %-12s %8s", "load", "", "a second");
	for (size_t k = 0; k < N_QUANTILES; k++)
		printf("  %15s", quantiles[k].name);
	printf("  %9s\n", "kept wait");
	for (unsigned i = 0; i < c->n_sizes; i++)
		for (unsigned v = 0; v < c->n_variants; v++)
			row(c, i, v);
	if (c->n_pairs > 0)
		pairs_table(c);
}

/* JSON --------------------------------------------------------------------- */

/* Sets of to the k-th point along the plot's axis: one request in that many is slower. Returns
 * false behind the last point, at which a single request is slower. */
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
	const struct pair to_it = {0, variant};
	struct histogram *h = merged(c, size, variant);
	char text[16];
	json_t *ms = json_object(), *rounds = json_object(), *ratios = json_object(),
	       *voids = json_array(), *j;

	for (size_t k = 0; k < N_QUANTILES; k++) {
		json_object_set_new(ms, quantiles[k].name,
			emit_number(histogram_quantile(h, quantiles[k].q) / 1e6));
		json_object_set_new(rounds, quantiles[k].name,
			emit_spread(compare_of(c, size, variant, quantiles[k].of)));
		if (variant > 0)
			json_object_set_new(ratios, quantiles[k].name,
				emit_spread(compare_ratio(c, size, to_it, quantiles[k].of)));
	}
	for (unsigned i = 0; i < c->rounds; i++)
		if (compare_at(c, size, variant, i)->error[0] != '\0')
			json_array_append_new(
				voids, json_string(compare_at(c, size, variant, i)->error));
	j = json_pack("{sisssssosIsosososIsoso}", "bytes", (int)c->size[size], "load",
		load_name(c, size, text), "system", c->variant[variant].label, "rate",
		emit_number(c->rate[size]), "requests", (json_int_t)histogram_count(h), "ms", ms,
		"rounds", rounds, "ratio", ratios, "backlog_max",
		(json_int_t)backlog(c, size, variant), "void", voids, "curve", curve(h));
	histogram_free(h);
	return j;
}

static json_t *pair_json(const struct compare *c, unsigned size, struct pair p)
{
	char text[16];
	json_t *j = json_pack("{ssssss}", "load", load_name(c, size, text), "of",
		c->variant[p.of].label, "to", c->variant[p.to].label);

	for (size_t k = 0; k < N_QUANTILES; k++)
		json_object_set_new(j, quantiles[k].name,
			emit_spread(compare_ratio(c, size, p, quantiles[k].of)));
	return j;
}

json_t *latency_report_object(const struct compare *c)
{
	json_t *cells = json_array(), *pairs = json_array();

	for (unsigned i = 0; i < c->n_sizes; i++)
		for (unsigned k = 0; k < c->n_pairs; k++)
			json_array_append_new(pairs, pair_json(c, i, c->pair[k]));
	for (unsigned i = 0; i < c->n_sizes; i++)
		for (unsigned v = 0; v < c->n_variants; v++)
			json_array_append_new(cells, cell_json(c, i, v));
	return json_pack("{sssssssisisisososo}", "benchmark", c->name, "timeglas", TG_VERSION,
		"redis", c->all.redis.version, "cores", (int)sysconf(_SC_NPROCESSORS_ONLN),
		"clients", (int)c->gen.clients, "rounds", (int)c->rounds, "seconds",
		emit_number(c->gen.measure_s), "cells", cells, "pairs", pairs);
}

void latency_report_json(const struct compare *c, const char *path)
{
	emit_json(latency_report_object(c), path);
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

void latency_report_plot(const struct compare *c, const char *path)
{
	static const char *const colour[3][4] = {{"#2b8cbe", "#084081", "#7fc4e8", "#02204a"},
		{"#ef6548", "#990000", "#fdbb84", "#5c0000"},
		{"#78c679", "#006837", "#c2e699", "#00341b"}};
	FILE *f = emit_plot(path);
	char text[16];

	fprintf(f,
		"set title 'timeglas-bench %s: from when a request was due'\n"
		"set logscale xy\nset xlabel 'of all requests'\n"
		"set xtics ('0 %%%%' 1, '90 %%%%' 10, '99 %%%%' 100, '99.9 %%%%' 1e3, "
		"'99.99 %%%%' 1e4, '99.999 %%%%' 1e5, '99.9999 %%%%' 1e6)\n"
		"set ylabel 'ms'\nset format y '%%g'\n",
		c->name);
	for (unsigned i = 0; i < c->n_sizes; i++)
		for (unsigned v = 0; v < c->n_variants; v++)
			plot_data(f, c, i, v);
	for (unsigned i = 0; i < c->n_sizes; i++)
		for (unsigned v = 0; v < c->n_variants; v++)
			fprintf(f,
				"%s$c%u_%u using 1:2 with lines lw 2 lc '%s' title '%s, %s, "
				"%.0f a second'",
				i + v == 0 ? "plot " : ", ", i, v, colour[v % 3][i % 4],
				c->variant[v].label, load_name(c, i, text), c->rate[i]);
	fputc('\n', f);
	emit_plot_end(f);
}
