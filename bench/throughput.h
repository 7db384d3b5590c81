/* throughput.h: what the files of the throughput benchmark share: the plan, and every sample of it (docs/benchmarks.md). */
#ifndef BENCH_THROUGHPUT_H
#define BENCH_THROUGHPUT_H

#include "perf.h"

#define SIZES_MAX 8u
#define ROUNDS_MAX 100u

struct throughput {
	size_t size[SIZES_MAX];
	unsigned n_sizes, rounds;
	enum system_kind kind[SYSTEM_KINDS];
	unsigned n_kinds;
	struct gen_plan gen;
	struct systems all;
	struct sample *samples;      /* throughput_at() */
};

/** throughput_at(t, size, kind, round): by index. */
struct sample *throughput_at(const struct throughput *t, unsigned size, unsigned kind, unsigned round);
/** throughput_of(t, size, kind, what): the spread of a figure over the rounds. throughput_ratio: timeglas to kind, round by round. */
struct spread throughput_of(const struct throughput *t, unsigned size, unsigned kind, double (*what)(const struct sample *s));
struct spread throughput_ratio(const struct throughput *t, unsigned size, unsigned kind, double (*what)(const struct sample *s));

void throughput_table(const struct throughput *t);

#endif
