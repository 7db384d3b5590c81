/*
 * histogram.h: counts durations so that every quantile can be told within 0.1 % of it, at a few
 * nanoseconds each: buckets are as wide as a 1024th of the power of two that they lie above. The
 * largest and the sum are exact.
 */
#ifndef BENCH_HISTOGRAM_H
#define BENCH_HISTOGRAM_H

#include <stdint.h>

struct histogram;

struct histogram *histogram_new(void);
void histogram_free(struct histogram *h);
/** histogram_add(h, ns): negative counts as 0, more than 68 s as that. */
void histogram_add(struct histogram *h, int64_t ns);
/** histogram_merge(h, more): as if everything in more had been added to h. */
void histogram_merge(struct histogram *h, const struct histogram *more);
uint64_t histogram_count(const struct histogram *h);
/** histogram_quantile(h, q): nanoseconds, so that at least q of all (0..1) were not longer; 1: the
 * largest, exactly. 0 when empty. */
double histogram_quantile(const struct histogram *h, double q);
double histogram_mean(const struct histogram *h);

#endif
