/* perf.h: one measurement of one running system. */
#ifndef BENCH_PERF_H
#define BENCH_PERF_H

#include "gen.h"
#include "sample.h"
#include "system.h"
#include "transfers.h"

/**
 * Measures s under the load generator; a Redis alone is measured by redis-benchmark (ceiling.h).
 *
 * @p    plan of the load; its edge and ctx are ignored
 * @b    more blobs than p->clients; their heads are overwritten
 * @out  the figures; the caller frees out->all
 */
void perf_measure(struct system *s, const struct gen_plan *p, struct blobs *b, struct sample *out);

/** The same while large transfers run beside it: their processor time is the generator's, and
 * out->transfers_per_s tells how many ended. beside: NULL: none. */
void perf_measure_beside(struct system *s, const struct gen_plan *p, struct blobs *b,
	const struct transfers *beside, struct sample *out);

#endif
