/*
 * latency.c: timeglas-bench latency: how long a put or a take lasts at a fixed rate, which is half
 * of what nginx with Lua answers at most on this machine. Requests are sent on a schedule. Their
 * time counts from when they were due, so a server that stalls is charged for everything that it
 * kept waiting. docs/benchmarks.md tells the method.
 */
#include <math.h>
#include <string.h>
#include "args.h"
#include "bench.h"
#include "commands.h"
#include "compare_main.h"
#include "latency_report.h"

static double share = 0.5;
static unsigned calibrations = 3; /* the best counts, because others were disturbed */

/* Measures what nginx answers at most, and sets the rate of each size. */
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
			c->all.workers = c->variant[0].workers;
			c->all.program = NULL;
			system_start(&c->all, SYSTEM_NGINX, &peer);
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

/* The command line --------------------------------------------------------- */

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

static void shorten(struct compare *c)
{
	c->n_sizes = 1;
	calibrations = 1;
}

int latency_main(int argc, char **argv, const char *dir)
{
	static const struct compare_reports reports = {.table = latency_report_table,
		.json = latency_report_json,
		.plot = latency_report_plot};
	static const struct compare_cli cli = {
		.usage = "  --before FILE     another build's timeglasd, too\n"
			 "  --workers N       of each server (1)\n"
			 "  --rate N          requests a second, instead of a share of nginx's\n"
			 "  --share PERCENT   of what nginx does at most (50)\n",
		.own = {{"before", compare_before}, {"workers", compare_workers},
			{"rate", take_rate}, {"share", take_share}},
		.quick = shorten,
		.reports = &reports,
	};
	struct compare c = {
		.name = "latency",
		.versus = "timeglas : it",
		.prepare = calibrate,
		.size = {4096, 32768},
		.n_sizes = 2,
		.rounds = 5,
		.variant = {{.kind = SYSTEM_TIMEGLAS, .workers = 1, .label = "timeglas"},
			{.kind = SYSTEM_NGINX, .workers = 1, .label = "nginx"}},
		.n_variants = 2,
		.with_peers = true,
		.gen = {.clients = 32, .live = 200, .warm_s = 1, .measure_s = 8},
		.all = {.anywhere = true},
	};

	return compare_main(&c, &cli, argc, argv, dir);
}
