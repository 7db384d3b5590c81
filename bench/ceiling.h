/* ceiling.h: what a Redis does alone: redis-benchmark with one SET or GET under way on each
 * connection, over Redis's own TLS or the unix socket. */
#ifndef BENCH_CEILING_H
#define BENCH_CEILING_H

#include "gen.h"
#include "sample.h"
#include "system.h"

/**
 * Measures SET, then GET, of values of size bytes, each for half of p->measure_s on p->clients
 * connections.
 *
 * @out  out->per_s is the rate at which both commands by turns would have been answered
 */
void ceiling_measure(struct system *s, size_t size, const struct gen_plan *p, struct sample *out);

#endif
