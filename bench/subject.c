/*
 * subject.c: timeglas-bench subject: how long it takes to erase all that is held of a person, with
 * a million other blobs in the store, and whether its bytes can be found in memory afterwards. Each
 * erasure is one DELETE over mutual TLS, timed from the request to its answer.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sodium.h>
#include <timeglas/timeglas.h>
#include "args.h"
#include "bench.h"
#include "blobs.h"
#include "commands.h"
#include "https.h"
#include "lateness.h"
#include "memscan.h"
#include "seed.h"

#define SIZES_MAX 8
#define BLOBS_MAX 64u
#define FILL_BYTES 300
#define FILL_LIFE_MS 80000000 /* longer than any run */
#define WIPED_AFTER_US 5000000
#define PIDS_MAX 32

struct plan {
	unsigned live, blobs, rounds, n_sizes;
	size_t size[SIZES_MAX];
};

/* Stores a person's blobs. marker: the last bytes of each. */
static void store(struct https *h, const struct plan *p, size_t size, const char *subject,
	unsigned char (*marker)[MARKER_BYTES])
{
	struct blobs *const b = blobs_new(p->blobs, size);
	char fields[192];

	snprintf(fields, sizeof fields,
		"Timeglas-Kind: liveness\r\nTimeglas-Ttl: 600\r\nTimeglas-Subject: %s\r\n",
		subject);
	for (unsigned i = 0; i < p->blobs; i++) {
		const unsigned char *const blob = blobs_at(b, i);
		memcpy(marker[i], blob + size - MARKER_BYTES, MARKER_BYTES);
		if (https_call(h, "POST", "/v1/blobs", fields, blob, size) != 201)
			bench_die("put: %s", https_body(h));
	}
	blobs_free(b);
}

/* How many of a person's blobs are found in the memory of the server, its Redis included. */
static unsigned found(
	const struct server *s, const struct plan *p, const unsigned char (*marker)[MARKER_BYTES])
{
	bool in[BLOBS_MAX] = {false};
	pid_t pid[PIDS_MAX];
	unsigned n = bench_children(s->pid, pid, PIDS_MAX - 1), count = 0;

	pid[n++] = s->pid;
	for (unsigned i = 0; i < n; i++)
		if (memscan(pid[i], marker, p->blobs, in) != 0)
			bench_die("the server's memory cannot be read");
	for (unsigned i = 0; i < p->blobs; i++)
		count += in[i];
	return count;
}

static void erase(struct https *h, const struct plan *p, const char *subject, struct lateness *took)
{
	char path[96], count[32];

	snprintf(path, sizeof path, "/v1/subjects/%s", subject);
	snprintf(count, sizeof count, "\"count\":%u,", p->blobs);
	const int64_t began_ns = bench_mono_ns();
	const int status = https_call(h, "DELETE", path, "", NULL, 0);
	lateness_add(took, (bench_mono_ns() - began_ns) / 1000);
	if (status != 200 || strstr(https_body(h), count) == NULL)
		bench_die("erase: %s", https_body(h));
}

static void measure(const struct server *s, const struct plan *p, size_t size)
{
	struct https *h = https_open(s, s->uploader_cert, s->uploader_key);
	unsigned char(*marker)[MARKER_BYTES] = bench_alloc(BLOBS_MAX, MARKER_BYTES);
	const unsigned char(*const looked_for)[MARKER_BYTES] =
		(const unsigned char(*)[MARKER_BYTES])marker;
	char subject[65] = "", of[32];
	unsigned before = 0;
	struct lateness took;

	lateness_init(&took, p->rounds);
	for (unsigned i = 0; i < p->rounds; i++) {
		unsigned char random[32];
		randombytes_buf(random, sizeof random);
		sodium_bin2hex(subject, sizeof subject, random, sizeof random);
		store(h, p, size, subject, marker);
		if (i == p->rounds - 1)
			before = found(s, p, looked_for);
		erase(h, p, subject, &took);
	}
	bench_sleep_until_us(bench_wall_us() + WIPED_AFTER_US);
	const unsigned after = found(s, p, looked_for);
	lateness_sort(&took);
	snprintf(of, sizeof of, "%zu bytes", size);
	printf("%-14s %8.2f %8.2f %8.2f %8.2f   %u of %u, %u after 5 s\n", of,
		lateness_quantile(&took, 0.5), lateness_quantile(&took, 0.95),
		lateness_quantile(&took, 0.99), lateness_quantile(&took, 1), before, p->blobs,
		after);
	fflush(stdout);
	lateness_free(&took);
	https_close(h);
	free(marker);
}

static void run(const struct plan *p, const char *dir)
{
	const struct seed_plan fill = {
		.n = p->live, .bytes = FILL_BYTES, .first_ms = FILL_LIFE_MS, .name = "fill"};
	struct server s;
	char own[PATH_CHARS];

	snprintf(own, sizeof own, "%s/server", dir);
	server_start(&s, own, 1, NULL);
	bench_say("storing %u blobs", p->live);
	seed(&s, &fill, NULL);
	seed_settle(&s, 1000);
	printf("Erasing a subject with %u blobs, %u others live, %u times; ms\n"
	       "%-14s %8s %8s %8s %8s   found in memory before\n",
		p->blobs, p->live, p->rounds, "each", "p50", "p95", "p99", "max");
	for (unsigned i = 0; i < p->n_sizes; i++)
		measure(&s, p, p->size[i]);
	server_stop(&s);
}

static void add_size(const char *word, size_t len, void *ctx)
{
	struct plan *p = ctx;

	if (p->n_sizes == SIZES_MAX)
		bench_die("at most %d sizes", SIZES_MAX);
	p->size[p->n_sizes++] = args_bytes(word, len);
}

static int usage(FILE *out)
{
	fputs("usage: timeglas-bench subject [OPTION…]\n\n"
	      "  --live N          other blobs in the store (1000000)\n"
	      "  --blobs N         blobs of the person (30)\n"
	      "  --sizes LIST      their sizes (4000,100000)\n"
	      "  --rounds N        erasures of each size (200)\n"
	      "  --quick           few of each\n",
		out);
	return out == stdout ? 0 : 2;
}

int subject_main(int argc, char **argv, const char *dir)
{
	static const struct option options[] = {{"live", 1, NULL, 'l'}, {"blobs", 1, NULL, 'b'},
		{"sizes", 1, NULL, 's'}, {"rounds", 1, NULL, 'r'}, {"quick", 0, NULL, 'q'},
		{"help", 0, NULL, '?' + 1}, {0}};
	struct plan p = {.live = 1000000, .blobs = 30, .rounds = 200};
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (opt) {
		case 'l':
			p.live = (unsigned)args_number(optarg, strlen(optarg), 100000000);
			break;
		case 'b':
			p.blobs = (unsigned)args_number(optarg, strlen(optarg), BLOBS_MAX);
			break;
		case 's':
			args_each(optarg, add_size, &p);
			break;
		case 'r':
			p.rounds = (unsigned)args_number(optarg, strlen(optarg), 100000);
			break;
		case 'q':
			p.live = 1000;
			p.rounds = 5;
			break;
		case '?' + 1:
			return usage(stdout);
		default:
			return usage(stderr);
		}
	}
	if (optind != argc)
		return usage(stderr);
	if (p.n_sizes == 0) {
		p.size[p.n_sizes++] = 4000;
		p.size[p.n_sizes++] = 100000;
	}
	if (tg_init() != 0)
		bench_die("no randomness");
	run(&p, dir);
	return 0;
}
