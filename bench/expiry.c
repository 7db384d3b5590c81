/*
 * expiry.c: timeglas-bench expiry: how late blobs are refused, removed and wiped after their
 * deadline, in timeglas and in plain Redis, with other live blobs beside them, idle and under load.
 * docs/benchmarks.md tells the method.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <timeglas/timeglas.h>
#include "args.h"
#include "base/log.h"
#include "bench.h"
#include "commands.h"
#include "expiry_report.h"
#include "expiry_wipe.h"
#include "load.h"
#include "redis_sync.h"
#include "refusal.h"
#include "removal.h"
#include "seed.h"

#define DAY_MS INT64_C(86400000)
#define CELLS_MAX (LIVE_MAX * 4)

static const struct expiry_plan whole = {
	.live = {1000, 100000, 1000000},
	.n_live = 3,
	.idle = true,
	.busy = true,
	.sample = 1000,
	.asked = 50,
	.wiped = 20,
	.lead_ms = 3000,
	.spread_ms = 10000,
	.window_ms = 60000,
	.wipe_lead_ms = 4000,
	.wipe_window_ms = 5000,
	.settle_ms = 1000,
	.workers = 2,
	.connections = 32,
};
/* --quick: does everything once. Its figures mean nothing. */
static const struct expiry_plan quick = {
	.live = {200},
	.n_live = 1,
	.busy = true,
	.sample = 20,
	.asked = 3,
	.wiped = 3,
	.lead_ms = 700,
	.spread_ms = 200,
	.window_ms = 300,
	.wipe_lead_ms = 2000,
	.wipe_window_ms = 200,
	.settle_ms = 100,
	.workers = 1,
	.connections = 2,
};

/* A cell ------------------------------------------------------------------- */

struct jiffies {
	unsigned long long idle, all;
};

static struct jiffies jiffies(void)
{
	struct jiffies j = {0, 0};
	/* The line is "cpu " user nice system idle iowait irq softirq steal. */
	char line[256] = "", *at = line + 4;
	FILE *f = fopen("/proc/stat", "re");

	if (f == NULL || fgets(line, sizeof line, f) == NULL)
		bench_die("cannot read /proc/stat");
	fclose(f);
	for (unsigned i = 0; i < 8; i++) {
		unsigned long long v = strtoull(at, &at, 10);

		j.all += v;
		j.idle += i == 3 || i == 4 ? v : 0;
	}
	return j;
}

static void count_asked(
	struct expiry_cell *c, const struct refusal *a, const struct seeded *b, unsigned n)
{
	lateness_init(&c->refused, n);
	for (unsigned i = 0; i < n; i++) {
		if (a[i].refused_us != 0)
			lateness_add(&c->refused, a[i].refused_us - b[i].deadline_us);
		c->late_live += a[i].late_live;
		c->confirmed += a[i].confirmed;
	}
	lateness_sort(&c->refused);
}

static void count_removed(
	struct expiry_cell *c, const int64_t *removed_us, const struct seeded *b, unsigned n)
{
	lateness_init(&c->removed, n);
	for (unsigned i = 0; i < n; i++)
		if (removed_us[i] != 0)
			lateness_add(&c->removed, removed_us[i] - b[i].deadline_us);
	lateness_sort(&c->removed);
}

/* Deletes what plain Redis has not removed, so that the next cell does not find it. */
static void clear_plain(const struct server *s, const struct seeded *b, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		freeReplyObject(redis_sync_do(s->redis, "UNLINK %s", b[i].key));
}

static void removal_measure(const struct server *s, const struct expiry_plan *p,
	struct expiry_cell *c, const struct load *load)
{
	unsigned n = p->sample < c->live / 10 ? p->sample : c->live / 10;
	const struct seed_plan watched = {
		n, p->blob_bytes, p->lead_ms, p->spread_ms * 1000 / n, "watched"};
	const struct seed_plan asked = {
		p->asked, p->blob_bytes, p->lead_ms, p->spread_ms * 1000 / p->asked, "asked"};
	struct seeded *w = bench_alloc(n, sizeof *w), *a = bench_alloc(p->asked, sizeof *a);
	struct refusal *answers = bench_share(p->asked * sizeof *answers);
	int64_t *removed_us = bench_alloc(n, sizeof *removed_us), began, until;
	struct jiffies before, after;
	struct removal *watch;
	uint64_t ops;
	pid_t asker;

	seed(s, &watched, w);
	seed(s, &asked, a);
	watch = removal_subscribe(s, w, n);
	asker = refusal_start(s, a, p->asked, answers);
	if (bench_wall_us() > w[0].deadline_us)
		bench_die(
			"this machine is too slow: the first deadline passed before everything was "
			"stored");
	began = bench_wall_us();
	before = jiffies();
	ops = load != NULL ? load_ops(load) : 0;
	until = w[n - 1].deadline_us;
	removal_wait(watch, until, removed_us);
	bench_sleep_until_us(until);
	after = jiffies();
	if (load != NULL)
		c->ops_per_s =
			(double)(load_ops(load) - ops) * 1e6 / (double)(bench_wall_us() - began);
	c->machine_busy = after.all > before.all ?
		1 - (double)(after.idle - before.idle) / (double)(after.all - before.all) :
		0;
	removal_wait(watch, until + p->window_ms * 1000, removed_us);
	c->observed_s = (double)p->window_ms / 1000;
	refusal_wait(asker);
	count_removed(c, removed_us, w, n);
	count_asked(c, answers, a, p->asked);
	removal_close(watch);
	if (s->plain)
		clear_plain(s, w, n);
	free(w);
	free(a);
	free(removed_us);
}

static void cell_run(const struct server *s, const struct expiry_plan *p, struct expiry_cell *c)
{
	unsigned char blob[1024];
	struct load *load = NULL;

	if (c->busy)
		load = load_start(s, blob, expiry_wipe_envelope(blob, sizeof blob), p->connections);
	removal_measure(s, p, c, load);
	expiry_wipe_measure(s, p, c);
	load_stop(load);
}

/* All of them -------------------------------------------------------------- */

static size_t system_run(
	struct expiry_plan *p, bool plain, unsigned live, const char *dir, struct expiry_cell *c)
{
	const struct seed_plan standing = {live, p->blob_bytes, DAY_MS - 1000, 0, "standing"};
	struct server s;
	size_t n = 0;

	if (plain)
		server_start_redis(&s, dir, &p->redis, false);
	else
		server_start(&s, dir, p->workers, NULL);
	/* removal.c subscribes to these events */
	freeReplyObject(redis_sync_do(s.redis, "CONFIG SET notify-keyspace-events K$gx"));
	if (!plain)
		server_settings_read(&s, &p->redis);
	bench_say("%s: storing %u blobs", plain ? "plain Redis" : "timeglas", live);
	seed(&s, &standing, NULL);
	seed_settle(&s, p->settle_ms);
	for (int busy = 0; busy < 2; busy++) {
		if (!(busy ? p->busy : p->idle))
			continue;
		bench_say("%s: %u blobs, %s", plain ? "plain Redis" : "timeglas", live,
			busy ? "under load" : "idle");
		c[n] = (struct expiry_cell){.plain = plain, .busy = busy, .live = live};
		cell_run(&s, p, &c[n++]);
	}
	server_stop(&s);
	return n;
}

static void run(struct expiry_plan *p, const char *dir, const char *json, const char *plot)
{
	struct expiry_cell *c = bench_alloc(CELLS_MAX, sizeof *c);
	char path[PATH_CHARS];
	size_t n = 0;

	for (int plain = 0; plain < 2; plain++) {
		for (unsigned i = 0; i < p->n_live; i++) {
			snprintf(path, sizeof path, "%s/%c%u", dir, plain ? 'p' : 't', i);
			n += system_run(p, plain, p->live[i], path, c + n);
		}
	}
	if (json == NULL || strcmp(json, "-") != 0)
		expiry_report_table(p, c, n);
	if (json != NULL)
		expiry_report_json(p, c, n, json);
	if (plot != NULL)
		expiry_report_plot(p, c, n, plot);
	for (size_t i = 0; i < n; i++) {
		lateness_free(&c[i].removed);
		lateness_free(&c[i].refused);
		lateness_free(&c[i].wiped);
	}
	free(c);
}

/* The command line --------------------------------------------------------- */

static int usage(FILE *out)
{
	fputs("usage: timeglas-bench expiry [OPTION…]\n\n"
	      "  --live N[,N…]     live blobs beside those that end (1000,100000,1000000)\n"
	      "  --load WHICH      idle, busy or both (both)\n"
	      "  --sample N        blobs whose removal is watched (1000; at most a tenth of the "
	      "live ones)\n"
	      "  --spread S        seconds from the first deadline to the last (10)\n"
	      "  --window S        seconds for which removal is waited for (60)\n"
	      "  --workers N       of timeglasd (2)\n"
	      "  --connections N   of the load (32)\n"
	      "  --json FILE       all figures; - for stdout, instead of the table\n"
	      "  --plot FILE       an SVG of the distributions (takes gnuplot)\n"
	      "  --quick           a smoke run of some seconds, before other options: its figures "
	      "mean nothing\n\n"
	      "It starts its own servers, on loopback and unix sockets, and leaves nothing behind. "
	      "docs/benchmarks.md has the method.\n",
		out);
	return out == stdout ? 0 : 2;
}

static void add_live(const char *word, size_t len, void *ctx)
{
	struct expiry_plan *p = ctx;

	if (p->n_live == LIVE_MAX)
		bench_die("--live takes at most %d numbers", LIVE_MAX);
	p->live[p->n_live] = (unsigned)args_number(word, len, 100000000);
	if (p->live[p->n_live++] < 10)
		bench_die("--live: at least 10");
}

static void parse_load(struct expiry_plan *p, const char *text)
{
	p->idle = strcmp(text, "idle") == 0 || strcmp(text, "both") == 0;
	p->busy = strcmp(text, "busy") == 0 || strcmp(text, "both") == 0;
	if (!p->idle && !p->busy)
		bench_die("--load takes idle, busy or both");
}

int expiry_main(int argc, char **argv, const char *dir)
{
	static const struct option options[] = {
		{"live", 1, NULL, 'n'},
		{"load", 1, NULL, 'l'},
		{"sample", 1, NULL, 's'},
		{"spread", 1, NULL, 'd'},
		{"window", 1, NULL, 'w'},
		{"workers", 1, NULL, 'k'},
		{"connections", 1, NULL, 'c'},
		{"json", 1, NULL, 'j'},
		{"plot", 1, NULL, 'p'},
		{"quick", 0, NULL, 'q'},
		{"help", 0, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	struct expiry_plan p = whole;
	const char *json = NULL, *plot = NULL;
	unsigned char blob[1024];
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		size_t len = optarg != NULL ? strlen(optarg) : 0;

		switch (opt) {
		case 'n':
			p.n_live = 0;
			args_each(optarg, add_live, &p);
			break;
		case 'l':
			parse_load(&p, optarg);
			break;
		case 's':
			p.sample = (unsigned)args_number(optarg, len, 100000);
			break;
		case 'd':
			p.spread_ms = (int64_t)args_number(optarg, len, 3600) * 1000;
			break;
		case 'w':
			p.window_ms = (int64_t)args_number(optarg, len, 3600) * 1000;
			break;
		case 'k':
			p.workers = (unsigned)args_number(optarg, len, 64);
			break;
		case 'c':
			p.connections = (unsigned)args_number(optarg, len, 64);
			break;
		case 'j':
			json = optarg;
			break;
		case 'p':
			plot = optarg;
			break;
		case 'q':
			p = quick;
			break;
		case 'h':
			return usage(stdout);
		default:
			return usage(stderr);
		}
	}
	if (optind != argc)
		return usage(stderr);
	if (tg_init() != 0)
		bench_die("no randomness");
	log_init(STDERR_FILENO, LOG_L_WARN, "bench");
	p.blob_bytes = (unsigned)expiry_wipe_envelope(blob, sizeof blob);
	run(&p, dir, json, plot);
	return 0;
}
