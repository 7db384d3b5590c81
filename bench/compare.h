/*
 * compare.h: variants (systems, or one system set up in different ways) under the same load, sizes
 * times rounds, by turns. Every ratio is the first variant's figure to another's, taken within a
 * round. The benchmarks throughput, scale and live are comparisons of this kind.
 */
#ifndef BENCH_COMPARE_H
#define BENCH_COMPARE_H

#include "perf.h"
#include "spread.h"

#define SIZES_MAX 8u
#define ROUNDS_MAX 100u
#define VARIANTS_MAX 8u

struct variant {
	enum system_kind kind;
	unsigned workers;
	/* blobs with a day to live beside those put and taken; not 0: its server stays up for all
	 * rounds */
	unsigned standing;
	char label[32];
	/* another build's timeglasd; NULL: the one beside this program */
	const char *program;
};

struct compare {
	const char *name;   /* of the benchmark */
	const char *versus; /* what a ratio is called in the table */
	const char *unit;   /* of what is counted; NULL: requests */
	/* How a sample is taken; NULL: perf_measure(). */
	void (*measure)(
		struct system *s, const struct gen_plan *p, struct blobs *b, struct sample *out);
	/* Once, before the first: what follows from a measurement of its own; may be NULL. b: as
	 * many as sizes. */
	void (*prepare)(struct compare *c, struct blobs **b);
	double rate[SIZES_MAX]; /* gen_plan's, of each size */
	size_t size[SIZES_MAX]; /* 0: no blobs are needed */
	unsigned n_sizes, rounds;
	struct variant variant[VARIANTS_MAX];
	unsigned n_variants;
	struct gen_plan gen;
	struct system_set all;
	struct sample *samples; /* compare_at() */
};

/** compare_run(c, dir): measures all; a void sample is told at once and kept as such.
 * compare_free(c). */
void compare_run(struct compare *c, const char *dir);
void compare_free(struct compare *c);

typedef double compare_figure(const struct sample *s);

/** compare_at(c, size, variant, round): by index. */
struct sample *compare_at(const struct compare *c, unsigned size, unsigned variant, unsigned round);
/** compare_of(c, size, variant, what): the spread of a figure over the rounds. compare_ratio: of
 * the first variant's to it, in each round. */
struct spread compare_of(
	const struct compare *c, unsigned size, unsigned variant, compare_figure *what);
struct spread compare_ratio(
	const struct compare *c, unsigned size, unsigned variant, compare_figure *what);

/** compare_before(c, program): the variants are this build and another's timeglasd, and nobody
 * else. */
void compare_before(struct compare *c, const char *program);

#endif
