/* ceiling.h: what Redis does by itself: redis-benchmark, one SET or GET under way on each
 * connection, over native TLS or the unix socket. */
#ifndef BENCH_CEILING_H
#define BENCH_CEILING_H

#include "perf.h"

/** ceiling_measure(s, size, p, out): of p: clients and measure_s, half of it for each command.
 * per_s: as if they took turns. */
void ceiling_measure(struct system *s, size_t size, const struct gen_plan *p, struct sample *out);

#endif
