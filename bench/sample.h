/* sample.h: the figures of one measurement. It measures nothing and does no I/O. */
#ifndef BENCH_SAMPLE_H
#define BENCH_SAMPLE_H

#include <stdint.h>
#include "cpu.h"
#include "histogram.h"

struct sample {
	char error[240]; /* why the measurement is void; empty: it is valid */
	double seconds, requests;
	double per_s;                /* requests a second */
	double set_per_s, get_per_s; /* of redis-benchmark; 0 for every other system */
	double transfers_per_s;      /* large ones beside the requests; 0: there were none */
	double busy[CPU_PARTS];      /* processors in use on average */
	double us[CPU_PARTS];        /* processor time for one request */
	/* the part of the machine's processors that other programs used meanwhile, 0..1 */
	double others;
	uint64_t backlog_max; /* gen_result's */
	/* latencies of puts and takes; NULL where there are none. Owned: histogram_free() it. */
	struct histogram *all;
};

/** Fills in per_s, busy, us and others. out->seconds and out->requests must be set. spent: the
 * processor time of that period. */
void sample_derive(struct sample *out, const struct cpu_times *spent);

#endif
