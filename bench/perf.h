/* perf.h: one measurement of one system under the load generator, and what the benchmarks of speed
 * derive from many. */
#ifndef BENCH_PERF_H
#define BENCH_PERF_H

#include "cpu.h"
#include "gen.h"
#include "systems.h"

struct sample {
	char error[240]; /* not empty: void */
	double seconds, requests;
	double set_per_s, get_per_s; /* redis-benchmark's; 0: of another system */
	double per_s;
	double us[CPU_PARTS]; /* processor time a request */
	/* part of the machine's processors that somebody else used meanwhile: 0..1 */
	double others;
	uint64_t backlog_max;
	/* latencies of puts and takes; NULL where there are none. histogram_free() it */
	struct histogram *all;
};

/** perf_measure(s, p, b, out): runs the generator (for Redis alone: redis-benchmark, ceiling.h);
 * p->edge and p->ctx are set here. */
void perf_measure(struct system *s, const struct gen_plan *p, struct blobs *b, struct sample *out);

/** perf_derive(out, spent): per_s, us and others, from seconds, requests and the processor time
 * spent. */
void perf_derive(struct sample *out, const struct cpu_times *spent);

struct spread {
	double min, median, max;
	/* of the median: an interval of at least 95 % (sign test); NAN below 6 figures */
	double low, high;
	unsigned n;
};

/** perf_spread(v, n): of those that are numbers; NAN when none is. Sorts v. */
struct spread perf_spread(double *v, unsigned n);

#endif
