/* expiry_report.c: see expiry_report.h. JSON has every figure; the table rounds. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <timeglas/timeglas.h>
#include "bench.h"
#include "emit.h"
#include "expiry_report.h"

#define CURVE_POINTS 200u
#define TEXT 24
#define FLOOR_MS 0.1 /* the plot's axis begins here */

static const char *system_name(const struct expiry_cell *c)
{
	return c->plain ? "redis-ttl" : "timeglas";
}

static const char *load_name(const struct expiry_cell *c)
{
	return c->busy ? "busy" : "idle";
}

/* How many points the curve of l has: at most CURVE_POINTS of its sorted figures, the first and the
 * last among them. */
static unsigned points(const struct lateness *l)
{
	return l->n < CURVE_POINTS ? l->n : CURVE_POINTS;
}

/* The index of the figure that is the curve's point k. */
static unsigned point(const struct lateness *l, unsigned k)
{
	return points(l) == 1 ? 0 : (unsigned)((uint64_t)k * (l->n - 1) / (points(l) - 1));
}

/* Table -------------------------------------------------------------------- */

static const char *show(double ms, double beyond_s, char out[TEXT])
{
	if (isnan(ms) && beyond_s > 0)
		snprintf(out, TEXT, ">%g s", beyond_s);
	else if (isnan(ms))
		snprintf(out, TEXT, "-");
	else if (fabs(ms) >= 9999.5)
		snprintf(out, TEXT, "%.1f s", ms / 1000);
	else
		snprintf(out, TEXT, fabs(ms) < 99.95 ? "%.2f ms" : "%.0f ms", ms);
	return out;
}

static void table_row(const struct expiry_cell *c)
{
	char p50[TEXT], p99[TEXT], max[TEXT], r50[TEXT], rmax[TEXT], wiped[TEXT], left[TEXT],
		not_removed[TEXT], late[TEXT];

	show(lateness_quantile(&c->removed, 0.5), c->observed_s, p50);
	show(lateness_quantile(&c->removed, 0.99), c->observed_s, p99);
	show(lateness_quantile(&c->removed, 1), c->observed_s, max);
	show(lateness_quantile(&c->refused, 0.5), 1, r50);
	show(lateness_quantile(&c->refused, 1), 1, rmax);
	show(lateness_quantile(&c->wiped, 1), 0, wiped);
	snprintf(not_removed, sizeof not_removed, "%u/%u", c->removed.of - c->removed.n,
		c->removed.of);
	snprintf(late, sizeof late, "%u/%u", c->late_live, c->refused.of);
	if (c->readable)
		snprintf(left, sizeof left, "%u/%u", c->wiped.of - c->wiped.n, c->wiped.of);
	else
		snprintf(left, sizeof left, "unread");
	printf("%-9s %8u %-4s  %10s %10s %10s %9s  %10s %10s %5s  %9s %7s\n", system_name(c),
		c->live, load_name(c), p50, p99, max, not_removed, r50, rmax, late, wiped, left);
}

void expiry_report_table(const struct expiry_plan *p, const struct expiry_cell *c, size_t n)
{
	printf("Redis %s, %u workers, blobs of %u bytes. Lateness after the deadline; \"never\": "
	       "not removed within %g s;\n"
	       "\"late\": answered as live to a request sent after the deadline; wiped: no longer "
	       "found in memory, the last\n"
	       "one; left: still found there %g s later.\n\n",
		p->redis.version, p->workers, p->blob_bytes, (double)p->window_ms / 1000,
		(double)p->wipe_window_ms / 1000);
	printf("%-23s  %-42s  %-28s %-18s\n", "", "removed from Redis", "first refused",
		"in memory");
	printf("%-9s %8s %-4s  %10s %10s %10s %9s  %10s %10s %5s  %9s %7s\n", "", "live", "load",
		"p50", "p99", "max", "never", "p50", "max", "late", "wiped", "left");
	for (size_t i = 0; i < n; i++)
		table_row(&c[i]);
	for (size_t i = 0; i < n; i++)
		if (c[i].after_read >= 0)
			printf("redis-ttl, %u live, %s: after a read had made Redis remove them, "
			       "%d of %u were still in its memory\n",
				c[i].live, load_name(&c[i]), c[i].after_read, c[i].wiped.of);
}

/* JSON --------------------------------------------------------------------- */

/* An array of [ms, share of the blobs that were not later]. */
static json_t *curve(const struct lateness *l)
{
	json_t *a = json_array();

	for (unsigned k = 0; k < points(l); k++)
		json_array_append_new(a,
			json_pack("[oo]", emit_number(l->ms[point(l, k)]),
				emit_number((point(l, k) + 1.0) / l->of)));
	return a;
}

static json_t *lateness_json(const struct lateness *l)
{
	return json_pack("{sisisosososososo}", "n", (int)l->of, "ended", (int)l->n, "p50_ms",
		emit_number(lateness_quantile(l, 0.5)), "p90_ms",
		emit_number(lateness_quantile(l, 0.9)), "p99_ms",
		emit_number(lateness_quantile(l, 0.99)), "max_ms",
		emit_number(lateness_quantile(l, 1)), "last_seen_ms",
		emit_number(l->n > 0 ? l->ms[l->n - 1] : (double)NAN), "curve", curve(l));
}

static json_t *memory_json(const struct expiry_cell *c)
{
	json_t *m = lateness_json(&c->wiped);

	json_object_set_new(m, "readable", json_boolean(c->readable));
	json_object_set_new(m, "found_live", json_integer(c->found_live));
	json_object_set_new(m, "left_in_redis", json_integer(c->in_redis));
	json_object_set_new(m, "left_in_server", json_integer(c->in_server));
	json_object_set_new(m, "left_after_read",
		c->after_read < 0 ? json_null() : json_integer(c->after_read));
	json_object_set_new(m, "look_ms", emit_number(c->scan_ms));
	return m;
}

static json_t *cell_json(const struct expiry_cell *c)
{
	json_t *refused = lateness_json(&c->refused);

	json_object_set_new(refused, "late_live", json_integer(c->late_live));
	json_object_set_new(
		refused, "confirmed_410", c->plain ? json_null() : json_integer(c->confirmed));
	return json_pack("{sssisssosososososo}", "system", system_name(c), "live", (int)c->live,
		"load", load_name(c), "load_ops_per_s", emit_number(c->ops_per_s), "machine_busy",
		emit_number(c->machine_busy), "observed_s", emit_number(c->observed_s), "removed",
		lateness_json(&c->removed), "refused", refused, "memory", memory_json(c));
}

void expiry_report_json(
	const struct expiry_plan *p, const struct expiry_cell *c, size_t n, const char *path)
{
	json_t *cells = json_array(), *all;

	for (size_t i = 0; i < n; i++)
		json_array_append_new(cells, cell_json(&c[i]));
	all = json_pack("{sssssssisisisisososo}", "benchmark", "expiry", "timeglas", TG_VERSION,
		"redis", p->redis.version, "cores", (int)sysconf(_SC_NPROCESSORS_ONLN), "workers",
		(int)p->workers, "load_connections", (int)p->connections, "blob_bytes",
		(int)p->blob_bytes, "spread_s", emit_number((double)p->spread_ms / 1000),
		"window_s", emit_number((double)p->window_ms / 1000), "cells", cells);
	emit_json(all, path);
}

/* Plot --------------------------------------------------------------------- */

static const char preamble[] =
	"set title 'Bytes still in Redis after their deadline'\n"
	"set logscale x\nset xlabel 'time after the deadline'\n"
	"set xtics ('0.1 ms' 0.1, '1 ms' 1, '10 ms' 10, '100 ms' 100, '1 s' 1000, '10 s' 10000, "
	"'100 s' 100000, '1000 s' 1000000)\n"
	"set ylabel 'of the blobs that fell due'\nset yrange [-2:102]\nset format y '%g %%'\n";

/* A darker colour means more live blobs. */
static const char *colour(const struct expiry_cell *c, unsigned rank)
{
	static const char *const ours[] = {"#7fc4e8", "#2b8cbe", "#084081"},
				 *const theirs[] = {"#fdbb84", "#ef6548", "#990000"};

	return (c->plain ? theirs : ours)[rank < 3 ? rank : 2];
}

static void plot_data(FILE *f, const struct expiry_cell *c, size_t i, double end_ms)
{
	const struct lateness *l = &c->removed;
	double last = l->n > 0 ? l->ms[l->n - 1] : 0;

	fprintf(f, "$c%zu << EOD\n%g 100\n", i, FLOOR_MS);
	for (unsigned k = 0; k < points(l); k++) {
		unsigned at = point(l, k);

		fprintf(f, "%g %g\n", l->ms[at] > FLOOR_MS ? l->ms[at] : FLOOR_MS,
			100 - 100.0 * (at + 1) / l->of);
	}
	if (l->n < l->of) /* some were still there when watching ended */
		fprintf(f, "%g %g\n", end_ms > last ? end_ms : last, 100 - 100.0 * l->n / l->of);
	fprintf(f, "EOD\n");
}

static void plot_curves(FILE *f, const struct expiry_plan *p, const struct expiry_cell *c, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned rank = 0;

		while (rank + 1 < p->n_live && p->live[rank] != c[i].live)
			rank++;
		fprintf(f,
			"%s$c%zu using 1:2 with steps lw 2 dt %d lc '%s' title '%s, %u live, %s'",
			i == 0 ? "plot " : ", ", i, c[i].busy ? 2 : 1, colour(&c[i], rank),
			c[i].plain ? "Redis TTL" : "timeglas", c[i].live, load_name(&c[i]));
	}
	fputc('\n', f);
}

void expiry_report_plot(
	const struct expiry_plan *p, const struct expiry_cell *c, size_t n, const char *path)
{
	double end_ms = (double)p->window_ms;
	FILE *f = emit_plot(path);

	fprintf(f, "%sset xrange [%g:%g]\n", preamble, FLOOR_MS, end_ms * 2);
	for (size_t i = 0; i < n; i++)
		plot_data(f, &c[i], i, end_ms);
	plot_curves(f, p, c, n);
	emit_plot_end(f);
}
