/* compare_report.c: see compare_report.h. JSON has every figure; the table rounds. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <timeglas/timeglas.h>
#include "bench.h"
#include "compare_report.h"
#include "emit.h"

static double per_s(const struct sample *s)
{
	return s->per_s;
}

static double workers(const struct sample *s)
{
	return s->us[CPU_WORKERS];
}

static double rest(const struct sample *s)
{
	return s->us[CPU_REST];
}

static double redis(const struct sample *s)
{
	return s->us[CPU_REDIS];
}

static double generator(const struct sample *s)
{
	return s->us[CPU_GENERATOR];
}

/* The processor time of the whole system, without the load generator. */
static double server(const struct sample *s)
{
	return s->us[CPU_WORKERS] + s->us[CPU_REST] + s->us[CPU_REDIS];
}

static double others(const struct sample *s)
{
	return 100 * s->others;
}

/* Table -------------------------------------------------------------------- */

static void row(const struct compare *c, unsigned size, unsigned variant)
{
	compare_figure *const parts[] = {workers, rest, redis, generator};
	struct spread r = compare_of(c, size, variant, per_s);
	const struct pair to_it = {0, variant};
	char t[16];

	printf("%8zu %-14s", c->size[size], c->variant[variant].label);
	printf(" %8s", emit_text(r.min, 0, t));
	printf(" %8s", emit_text(r.median, 0, t));
	printf(" %8s ", emit_text(r.max, 0, t));
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
		printf(" %7s", emit_text(compare_of(c, size, variant, parts[i]).median, 1, t));
	printf(" %6s%%", emit_text(compare_of(c, size, variant, others).median, 0, t));
	if (variant > 0) {
		r = compare_ratio(c, size, to_it, per_s);
		printf("  %5s", emit_text(r.min, 2, t));
		printf(" %5s", emit_text(r.median, 2, t));
		printf(" %5s ", emit_text(r.max, 2, t));
		printf(" %5s", emit_text(r.low, 3, t));
		printf(" %5s ", emit_text(r.high, 3, t));
		printf(" %7s", emit_text(compare_ratio(c, size, to_it, workers).median, 2, t));
		printf(" %5s", emit_text(compare_ratio(c, size, to_it, server).median, 2, t));
	}
	if (compare_of(c, size, variant, per_s).n < c->rounds)
		printf("  %u of %u void", c->rounds - compare_of(c, size, variant, per_s).n,
			c->rounds);
	putchar('\n');
}

static void pair_row(const struct compare *c, unsigned size, struct pair p)
{
	compare_figure *const figures[] = {per_s, server, workers};
	char name[72], t[16];

	snprintf(name, sizeof name, "%s : %s", c->variant[p.of].label, c->variant[p.to].label);
	printf("%8zu %-40s", c->size[size], name);
	for (size_t i = 0; i < sizeof figures / sizeof *figures; i++) {
		struct spread r = compare_ratio(c, size, p, figures[i]);

		printf("  %6s", emit_text(r.median, 3, t));
		printf(" %6s", emit_text(r.low, 3, t));
		printf(" %6s", emit_text(r.high, 3, t));
	}
	putchar('\n');
}

static void pairs_table(const struct compare *c)
{
	printf("\nRatios: median of the rounds, and the interval that holds it with 95 %%\n\n");
	printf("%8s %-40s  %20s  %20s  %20s\n", "bytes", "", "a second", "all processor time",
		"that of workers");
	for (unsigned i = 0; i < c->n_sizes; i++)
		for (unsigned k = 0; k < c->n_pairs; k++)
			pair_row(c, i, c->pair[k]);
}

static void standing_table(const struct compare *c)
{
	for (unsigned k = 0; k < c->n_variants; k++)
		if (c->variant[k].standing > 0)
			printf("%s%s: %.0f bytes of Redis's memory for each blob\n",
				k == 0 ? "\n" : "", c->variant[k].label, c->standing_bytes[k]);
}

void compare_report_table(const struct compare *c)
{
	char head[64];

	snprintf(head, sizeof head, "%s a second", c->unit != NULL ? c->unit : "requests");
	printf("Redis %s; %u clients; %u round(s) of %g s", c->all.redis.version, c->gen.clients,
		c->rounds, c->gen.measure_s);
	if (c->gen.live > 0)
		printf("; about %u blobs put and not yet taken", c->gen.live);
	printf("\n\n");
	printf("%8s %-14s %26s  %32s %6s  %30s   %s\n", "", "", head,
		"us of processor time for each", "", c->versus, "same, of time in");
	printf("%8s %-14s %8s %8s %8s  %7s %7s %7s %7s %7s  %5s %5s %5s  %5s %5s  %7s %5s\n",
		"bytes", "", "min", "median", "max", "workers", "rest", "Redis", "gen", "others",
		"min", "med", "max", "95 %", "", "workers", "all");
	for (unsigned i = 0; i < c->n_sizes; i++)
		for (unsigned k = 0; k < c->n_variants; k++)
			row(c, i, k);
	if (c->n_pairs > 0)
		pairs_table(c);
	standing_table(c);
}

/* JSON --------------------------------------------------------------------- */

static json_t *sample_json(const struct sample *s)
{
	json_t *j;

	if (s->error[0] != '\0')
		return json_pack("{ss}", "void", s->error);
	j = json_pack("{sosososososososo}", "requests_per_s", emit_number(s->per_s), "requests",
		emit_number(s->requests), "seconds", emit_number(s->seconds), "workers_us",
		emit_number(s->us[CPU_WORKERS]), "rest_us", emit_number(s->us[CPU_REST]),
		"redis_us", emit_number(s->us[CPU_REDIS]), "generator_us",
		emit_number(s->us[CPU_GENERATOR]), "others", emit_number(s->others));
	if (s->set_per_s > 0) {
		json_object_set_new(j, "set_per_s", emit_number(s->set_per_s));
		json_object_set_new(j, "get_per_s", emit_number(s->get_per_s));
	}
	return j;
}

static json_t *cell_json(const struct compare *c, unsigned size, unsigned variant)
{
	const struct variant *v = &c->variant[variant];
	const struct pair to_it = {0, variant};
	json_t *runs = json_array(), *j;

	for (unsigned i = 0; i < c->rounds; i++)
		json_array_append_new(runs, sample_json(compare_at(c, size, variant, i)));
	j = json_pack("{sisssssisisosososo}", "bytes", (int)c->size[size], "label", v->label,
		"system", system_name(v->kind), "workers", (int)v->workers, "standing",
		(int)v->standing, "requests_per_s",
		emit_spread(compare_of(c, size, variant, per_s)), "workers_us",
		emit_spread(compare_of(c, size, variant, workers)), "server_us",
		emit_spread(compare_of(c, size, variant, server)), "runs", runs);
	if (v->standing > 0)
		json_object_set_new(j, "standing_bytes", emit_number(c->standing_bytes[variant]));
	if (variant > 0) {
		json_object_set_new(j, "ratio", emit_spread(compare_ratio(c, size, to_it, per_s)));
		json_object_set_new(
			j, "workers_ratio", emit_spread(compare_ratio(c, size, to_it, workers)));
		json_object_set_new(
			j, "server_ratio", emit_spread(compare_ratio(c, size, to_it, server)));
	}
	return j;
}

static json_t *pair_json(const struct compare *c, unsigned size, struct pair p)
{
	return json_pack("{sisssssososo}", "bytes", (int)c->size[size], "of",
		c->variant[p.of].label, "to", c->variant[p.to].label, "ratio",
		emit_spread(compare_ratio(c, size, p, per_s)), "server_ratio",
		emit_spread(compare_ratio(c, size, p, server)), "workers_ratio",
		emit_spread(compare_ratio(c, size, p, workers)));
}

void compare_report_json(const struct compare *c, const char *path)
{
	json_t *cells = json_array(), *pairs = json_array();

	for (unsigned i = 0; i < c->n_sizes; i++)
		for (unsigned k = 0; k < c->n_pairs; k++)
			json_array_append_new(pairs, pair_json(c, i, c->pair[k]));
	for (unsigned i = 0; i < c->n_sizes; i++)
		for (unsigned k = 0; k < c->n_variants; k++)
			json_array_append_new(cells, cell_json(c, i, k));
	emit_json(
		json_pack("{sssssssisisisisssososo}", "benchmark", c->name, "timeglas", TG_VERSION,
			"redis", c->all.redis.version, "cores", (int)sysconf(_SC_NPROCESSORS_ONLN),
			"clients", (int)c->gen.clients, "live", (int)c->gen.live, "rounds",
			(int)c->rounds, "ratio_of", c->variant[0].label, "seconds",
			emit_number(c->gen.measure_s), "cells", cells, "pairs", pairs),
		path);
}

/* Plot --------------------------------------------------------------------- */

void compare_report_plot(const struct compare *c, const char *path)
{
	static const char *const colour[VARIANTS_MAX] = {"#084081", "#d7301f", "#fc8d59", "#7a0177",
		"#238b45", "#74c476", "#525252", "#000000"};
	FILE *f = emit_plot(path);

	fprintf(f,
		"set title 'timeglas-bench %s: puts and takes by turns (median, smallest and "
		"largest of %u)'\n"
		"set logscale xy\nset xlabel 'sealed blob'\nset ylabel 'requests a second'\nset "
		"format y '%%.0f'\n"
		"set xtics ('1 KiB' 1024, '4 KiB' 4096, '32 KiB' 32768, '256 KiB' 262144, '1 MiB' "
		"1048576, '4 MiB' 4194304)\n",
		c->name, c->rounds);
	for (unsigned k = 0; k < c->n_variants; k++) {
		fprintf(f, "$v%u << EOD\n", k);
		for (unsigned i = 0; i < c->n_sizes; i++) {
			struct spread s = compare_of(c, i, k, per_s);

			if (s.n > 0)
				fprintf(f, "%zu %g %g %g\n", c->size[i], s.median, s.min, s.max);
		}
		fprintf(f, "EOD\n");
	}
	fprintf(f, "set xrange [*:*] noextend\nset offsets graph 0.05, graph 0.05\n");
	for (unsigned k = 0; k < c->n_variants; k++)
		fprintf(f,
			"%s$v%u using 1:2:3:4 with yerrorlines lw %d dt %d pt 7 ps 0.6 lc '%s' "
			"title '%s'",
			k == 0 ? "plot " : ", ", k, k == 0 ? 3 : 2,
			c->variant[k].kind >= SYSTEM_REDIS_TLS ? 2 : 1, colour[k],
			c->variant[k].label);
	fputc('\n', f);
	emit_plot_end(f);
}
