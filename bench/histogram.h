/*
 * histogram.h: counts durations so that every quantile can be told within 0.1 % of it, at a few
 * nanoseconds each. A bucket is as wide as a 1024th of the power of two that it lies above. The
 * largest duration is exact. It knows no other benchmark.
 */
#ifndef BENCH_HISTOGRAM_H
#define BENCH_HISTOGRAM_H

#include <stdint.h>

struct histogram;

/** The caller calls histogram_free(). */
struct histogram *histogram_new(void);
/** NULL is allowed. */
void histogram_free(struct histogram *h);

/** Counts a duration. A negative one counts as 0, one above 68 s as 68 s. */
void histogram_add(struct histogram *h, int64_t ns);

/** Counts everything in h that more has counted. */
void histogram_merge(struct histogram *h, const struct histogram *more);

/** How many durations were counted. */
uint64_t histogram_count(const struct histogram *h);

/** Nanoseconds that the share q (0..1) of all durations did not exceed; 1: the largest. 0 when h is
 * empty. */
double histogram_quantile(const struct histogram *h, double q);

#endif
