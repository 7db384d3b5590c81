/*
 * throughput.c: timeglas-bench throughput: requests a second and processor time a request in a steady state, for timeglas and its peers by
 * turns, round after round, in rotating order. The method: docs/benchmarks.md. It judges nothing. Runs in the benchmark's process.
 */
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <timeglas/timeglas.h>
#include "args.h"
#include "base/log.h"
#include "bench.h"
#include "throughput.h"

static const struct throughput whole = {
    .size = {4096, 32768, 262144, 1048576}, .n_sizes = 4, .rounds = 5, .kind = {SYSTEM_TIMEGLAS, SYSTEM_NGINX, SYSTEM_SIMPLE, SYSTEM_WEBDIS}, .n_kinds = 4,
    .gen = {.clients = 32, .live = 200, .warm_s = 1, .measure_s = 5}, .all = {.workers = 1},
};

struct sample *throughput_at(const struct throughput *t, unsigned size, unsigned kind, unsigned round)
{
	return &t->samples[(size * t->n_kinds + kind) * t->rounds + round];
}

static double figure(const struct sample *s, double (*what)(const struct sample *s))
{
	return s->error[0] == '\0' ? what(s) : (double)NAN;
}

struct spread throughput_of(const struct throughput *t, unsigned size, unsigned kind, double (*what)(const struct sample *s))
{
	double v[ROUNDS_MAX];

	for (unsigned i = 0; i < t->rounds; i++)
		v[i] = figure(throughput_at(t, size, kind, i), what);
	return perf_spread(v, t->rounds);
}

struct spread throughput_ratio(const struct throughput *t, unsigned size, unsigned kind, double (*what)(const struct sample *s))
{
	double v[ROUNDS_MAX];

	for (unsigned i = 0; i < t->rounds; i++)
		v[i] = figure(throughput_at(t, size, 0, i), what) / figure(throughput_at(t, size, kind, i), what);
	return perf_spread(v, t->rounds);
}

static void cell_run(struct throughput *t, struct blobs *b, unsigned size, unsigned kind, unsigned round)
{
	struct sample *out = throughput_at(t, size, kind, round);
	struct system s;

	system_start(&t->all, t->kind[kind], &s);
	perf_measure(&s, &t->gen, b, false, out);
	system_stop(&s);
	if (out->error[0] != '\0')
		say("round %u: %s, %zu bytes: VOID: %s", round + 1, system_name(t->kind[kind]), t->size[size], out->error);
	else
		say("round %u: %s, %zu bytes: %.0f requests/s, %.1f us a request in workers", round + 1, system_name(t->kind[kind]), t->size[size],
		    out->per_s, out->us[CPU_WORKERS]);
}

static void run(struct throughput *t, const char *dir)
{
	struct blobs *b[SIZES_MAX];

	t->samples = bench_alloc((size_t)t->n_sizes * t->n_kinds * t->rounds, sizeof *t->samples);
	systems_open(&t->all, dir, t->all.workers);
	for (unsigned i = 0; i < t->n_sizes; i++)
		b[i] = blobs_new(256, t->size[i]);
	for (unsigned round = 0; round < t->rounds; round++)
		for (unsigned i = 0; i < t->n_sizes; i++)
			for (unsigned k = 0; k < t->n_kinds; k++)
				cell_run(t, b[i], i, (k + round) % t->n_kinds, round);
	throughput_table(t);
	for (unsigned i = 0; i < t->n_sizes; i++)
		blobs_free(b[i]);
	free(t->samples);
}

/* The command line ------------------------------------------------------------------------------------------------------- */

static int usage(FILE *out)
{
	fputs("usage: timeglas-bench throughput [OPTION…]\n\n"
	      "  --sizes N[,N…]    of the sealed blobs: bytes, or with k or m (4k,32k,256k,1m)\n"
	      "  --peers WHICH     beside timeglas: nginx, nginx-simple, webdis; none (all)\n"
	      "  --rounds N        each measures every size of every system once (5)\n"
	      "  --seconds S       of each measurement, after one to warm up (5)\n"
	      "  --workers N       of each server (1)\n"
	      "  --connections N   clients, each with an uploader's and a verifier's connection, one request at a time (32)\n"
	      "  --live N          blobs in the store, about (200)\n"
	      "  --quick           a smoke run of some seconds, before other options: its figures mean nothing\n\n"
	      "It starts its own servers, on loopback and unix sockets, and leaves nothing behind. docs/benchmarks.md has the method.\n", out);
	return out == stdout ? 0 : 2;
}

static void add_size(const char *word, size_t len, void *ctx)
{
	struct throughput *t = ctx;

	if (t->n_sizes == SIZES_MAX)
		die("--sizes takes at most %u", SIZES_MAX);
	t->size[t->n_sizes++] = args_bytes(word, len);
}

static void add_peer(const char *word, size_t len, void *ctx)
{
	struct throughput *t = ctx;
	int kind = system_kind(word, len);

	if (len == 4 && memcmp(word, "none", 4) == 0)
		return;
	if (kind < 0 || t->n_kinds == SYSTEM_KINDS)
		die("--peers takes nginx, nginx-simple, webdis or none");
	t->kind[t->n_kinds++] = (enum system_kind)kind;
}

int bench_throughput(int argc, char **argv, const char *dir)
{
	static const struct option options[] = {
	    {"sizes", 1, NULL, 's'}, {"peers", 1, NULL, 'p'}, {"rounds", 1, NULL, 'r'}, {"seconds", 1, NULL, 't'}, {"workers", 1, NULL, 'w'},
	    {"connections", 1, NULL, 'c'}, {"live", 1, NULL, 'l'}, {"quick", 0, NULL, 'q'}, {"help", 0, NULL, 'h'}, {NULL, 0, NULL, 0},
	};
	struct throughput t = whole;
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		size_t len = optarg != NULL ? strlen(optarg) : 0;

		switch (opt) {
		case 's': t.n_sizes = 0; args_each(optarg, add_size, &t); break;
		case 'p': t.n_kinds = 1; args_each(optarg, add_peer, &t); break;
		case 'r': t.rounds = (unsigned)args_number(optarg, len, ROUNDS_MAX); break;
		case 't': t.gen.measure_s = args_seconds(optarg); break;
		case 'w': t.all.workers = (unsigned)args_number(optarg, len, 16); break;
		case 'c': t.gen.clients = (unsigned)args_number(optarg, len, 128); break;
		case 'l': t.gen.live = (unsigned)args_number(optarg, len, 10000000); break;
		case 'q': t.rounds = 1; t.n_sizes = 2; t.gen.warm_s = 0.1; t.gen.measure_s = 0.3; break;
		case 'h': return usage(stdout);
		default: return usage(stderr);
		}
	}
	if (optind != argc)
		return usage(stderr);
	if (tg_init() != 0)
		die("no randomness");
	log_init(STDERR_FILENO, LOG_L_WARN, "bench");
	run(&t, dir);
	return 0;
}
