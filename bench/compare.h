/*
 * compare.h: variants (different systems, or one system set up in different ways) under the same
 * load, by turns. A round measures every variant with every size once. Ratios are of two variants
 * in the same round. The benchmarks throughput, latency, connect, scale, live and mixed are
 * comparisons.
 */
#ifndef BENCH_COMPARE_H
#define BENCH_COMPARE_H

#include "perf.h"
#include "spread.h"

#define SIZES_MAX 8u
#define ROUNDS_MAX 100u
#define VARIANTS_MAX 8u
#define PAIRS_MAX 16u

struct variant {
	enum system_kind kind;
	unsigned workers;
	/* Blobs with a day to live that are stored before the first measurement. Not 0: the server
	 * stays up for all rounds. */
	unsigned standing;
	char label[32];
	const char *program; /* another build's timeglasd; NULL: the one built with this program */
};

/* Two variants, by index, whose ratio is told. */
struct pair {
	unsigned of, to;
};

/* One measurement that is to be taken. */
struct compare_cell {
	struct system *system; /* it runs */
	struct gen_plan plan;
	struct blobs *blobs; /* NULL where the size is 0 */
	unsigned size, variant;
};

struct compare {
	const char *name;   /* of the benchmark */
	const char *versus; /* the heading of the ratios of the first variant to each other one */
	const char *unit;   /* of what is counted; NULL: requests */
	/* Takes a sample; NULL: perf_measure(). */
	void (*measure)(const struct compare_cell *cell, struct sample *out);
	/* Called once before the first measurement; b has n_sizes entries. NULL: nothing to do. */
	void (*prepare)(struct compare *c, struct blobs **b);
	double rate[SIZES_MAX];      /* gen_plan's, for each size */
	size_t size[SIZES_MAX];      /* of the blobs, in bytes; 0: no blobs are needed */
	const char *load[SIZES_MAX]; /* the name of that load; NULL: its size */
	unsigned n_sizes, rounds;
	struct variant variant[VARIANTS_MAX];
	unsigned n_variants;
	struct pair pair[PAIRS_MAX]; /* told with their intervals, beside the ratios above */
	unsigned n_pairs;
	const char *before; /* another build's timeglasd to compare with; NULL: none */
	bool with_peers;    /* before: keep the other variants, too */
	struct gen_plan gen;
	struct system_set all;
	/* filled in by compare_run() */
	struct sample *samples;              /* compare_at() */
	double standing_bytes[VARIANTS_MAX]; /* memory of Redis for each standing blob */
};

/** Option --before: sets c->before. Dies when program cannot be run. program is borrowed. */
void compare_before(struct compare *c, const char *program);

/** Makes the build c->before the second variant, and pairs: both builds to each peer, and this
 * build to that one. Without c->with_peers the other variants are dropped first. */
void compare_insert_before(struct compare *c);

/** Adds a pair of variants. */
void compare_pair(struct compare *c, unsigned of, unsigned to);

/** Starts what is to be compared in dir, an empty folder, and takes all samples. A void sample is
 * told at once and kept. The caller calls compare_free(). */
void compare_run(struct compare *c, const char *dir);
void compare_free(struct compare *c);

/** The sample of a size, a variant and a round, by index. */
struct sample *compare_at(const struct compare *c, unsigned size, unsigned variant, unsigned round);

typedef double compare_figure(const struct sample *s);

/** The spread of a figure over the rounds. */
struct spread compare_of(
	const struct compare *c, unsigned size, unsigned variant, compare_figure *what);

/** The spread of the ratio of a figure of two variants, each taken within a round. */
struct spread compare_ratio(
	const struct compare *c, unsigned size, struct pair p, compare_figure *what);

#endif
