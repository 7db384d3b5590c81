/* compare_main.c: see compare_main.h. It measures nothing itself. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <timeglas/timeglas.h>
#include "args.h"
#include "base/log.h"
#include "bench.h"
#include "compare_main.h"
#include "compare_report.h"

#define OPTIONS_MAX 20
#define OWN 1000 /* getopt's value for the first of the benchmark's own options */

static const char by_size[] = "  --sizes N[,N…]    of the sealed blobs: bytes, or with k or m\n";
static const char plot_line[] = "  --plot FILE       an SVG (takes gnuplot)\n";
static const char common[] = "  --rounds N        each measures every size of every variant once\n"
			     "  --seconds S       of each measurement, after a second to warm up\n"
			     "  --connections N   clients (32)\n"
			     "  --json FILE       all figures; - for stdout, instead of the table\n"
			     "  --quick           a smoke run of some seconds, before other "
			     "options: its figures mean nothing\n\n"
			     "It starts its own servers, on loopback and unix sockets, and leaves "
			     "nothing behind. docs/benchmarks.md has the method.\n";

static int usage(const struct compare *c, const struct compare_cli *cli, FILE *out)
{
	fprintf(out, "usage: timeglas-bench %s [OPTION…]\n\n%s%s%s%s", c->name, cli->usage,
		cli->sizeless ? "" : by_size, cli->plotless ? "" : plot_line, common);
	return out == stdout ? 0 : 2;
}

static void add_size(const char *word, size_t len, void *ctx)
{
	struct compare *c = ctx;

	if (c->n_sizes == SIZES_MAX)
		bench_die("--sizes takes at most %u", SIZES_MAX);
	c->size[c->n_sizes++] = args_bytes(word, len);
}

static void shorten(struct compare *c, const struct compare_cli *cli)
{
	c->rounds = 1;
	c->gen.warm_s = 0.1;
	c->gen.measure_s = 0.3;
	if (cli->quick != NULL)
		cli->quick(c);
}

static void report(const struct compare *c, const struct compare_reports *r, const char *json,
	const char *plot)
{
	static const struct compare_reports usual = {.table = compare_report_table,
		.json = compare_report_json,
		.plot = compare_report_plot};

	if (r == NULL)
		r = &usual;
	if (json == NULL || strcmp(json, "-") != 0)
		r->table(c);
	if (json != NULL)
		r->json(c, json);
	if (plot != NULL)
		r->plot(c, plot);
}

/* 1 if any sample is void: such a run must not pass for a good one. */
static int status(const struct compare *c)
{
	for (size_t i = 0; i < (size_t)c->n_sizes * c->n_variants * c->rounds; i++)
		if (c->samples[i].error[0] != '\0')
			return 1;
	return 0;
}

static void list_options(const struct compare_cli *cli, struct option all[OPTIONS_MAX])
{
	static const struct option ours[] = {
		{"rounds", 1, NULL, 'r'},
		{"seconds", 1, NULL, 't'},
		{"connections", 1, NULL, 'c'},
		{"json", 1, NULL, 'j'},
		{"quick", 0, NULL, 'q'},
		{"help", 0, NULL, 'h'},
	};
	size_t n = sizeof ours / sizeof *ours, more = sizeof cli->own / sizeof *cli->own;

	memset(all, 0, OPTIONS_MAX * sizeof *all);
	memcpy(all, ours, sizeof ours);
	if (!cli->sizeless)
		all[n++] = (struct option){"sizes", 1, NULL, 's'};
	if (!cli->plotless)
		all[n++] = (struct option){"plot", 1, NULL, 'p'};
	for (size_t i = 0; i < more && cli->own[i].name != NULL; i++)
		all[n + i] = (struct option){cli->own[i].name, 1, NULL, OWN + (int)i};
}

void compare_workers(struct compare *c, const char *value)
{
	c->all.workers = (unsigned)args_number(value, strlen(value), 16);
	for (unsigned i = 0; i < c->n_variants; i++)
		c->variant[i].workers = c->all.workers;
}

int compare_main(
	struct compare *c, const struct compare_cli *cli, int argc, char **argv, const char *dir)
{
	struct option options[OPTIONS_MAX];
	const char *json = NULL, *plot = NULL;
	int opt, result;

	list_options(cli, options);
	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		size_t len = optarg != NULL ? strlen(optarg) : 0;

		switch (opt) {
		case 's':
			c->n_sizes = 0;
			args_each(optarg, add_size, c);
			break;
		case 'r':
			c->rounds = (unsigned)args_number(optarg, len, ROUNDS_MAX);
			break;
		case 't':
			c->gen.measure_s = args_seconds(optarg);
			break;
		case 'c':
			c->gen.clients = (unsigned)args_number(optarg, len, 128);
			break;
		case 'j':
			json = optarg;
			break;
		case 'p':
			plot = optarg;
			break;
		case 'q':
			shorten(c, cli);
			break;
		case 'h':
			return usage(c, cli, stdout);
		default:
			if (opt < OWN)
				return usage(c, cli, stderr);
			cli->own[opt - OWN].take(c, optarg);
		}
	}
	if (optind != argc || c->n_sizes == 0)
		return usage(c, cli, stderr);
	if (tg_init() != 0)
		bench_die("no randomness");
	log_init(STDERR_FILENO, LOG_L_WARN, "bench");
	if (cli->ready != NULL)
		cli->ready(c);
	else if (c->before != NULL)
		compare_insert_before(c);
	compare_run(c, dir);
	report(c, cli->reports, json, plot);
	result = status(c);
	compare_free(c);
	return result;
}
