/* histogram.c: see histogram.h. No I/O. */
#include <math.h>
#include <stdlib.h>
#include "bench.h"
#include "histogram.h"

#define FINE_BITS 10u /* buckets in each power of two: 1024 */
#define FINE (UINT64_C(1) << FINE_BITS)
#define LARGEST_BITS 36u /* 68.7 s */
#define LARGEST ((UINT64_C(1) << LARGEST_BITS) - 1)
#define BUCKETS ((LARGEST_BITS - FINE_BITS + 1) << FINE_BITS)

struct histogram {
	uint64_t n, max;
	uint64_t count[BUCKETS];
};

/* A value below 1024 has a bucket of its own. The leading 11 bits of a larger one choose it. */
static unsigned bucket_of(uint64_t v)
{
	unsigned shift;

	if (v < FINE)
		return (unsigned)v;
	shift = 63u - (unsigned)__builtin_clzll(v) - FINE_BITS;
	return (shift << FINE_BITS) + (unsigned)(v >> shift);
}

/* The value in the middle of a bucket. */
static double value_of(unsigned bucket)
{
	unsigned shift = bucket >> FINE_BITS;

	if (shift < 2)
		return bucket; /* the bucket holds a single value */
	shift--;
	return ldexp((double)((bucket & (FINE - 1)) + FINE) + 0.5, (int)shift);
}

struct histogram *histogram_new(void)
{
	return bench_alloc(1, sizeof(struct histogram));
}

void histogram_free(struct histogram *h)
{
	free(h);
}

void histogram_add(struct histogram *h, int64_t ns)
{
	uint64_t v = ns < 0 ? 0 : (uint64_t)ns;

	h->n++;
	if (v > h->max)
		h->max = v;
	h->count[bucket_of(v < LARGEST ? v : LARGEST)]++;
}

void histogram_merge(struct histogram *h, const struct histogram *more)
{
	h->n += more->n;
	if (more->max > h->max)
		h->max = more->max;
	for (unsigned i = 0; i < BUCKETS; i++)
		h->count[i] += more->count[i];
}

uint64_t histogram_count(const struct histogram *h)
{
	return h->n;
}

double histogram_quantile(const struct histogram *h, double q)
{
	uint64_t rank = (uint64_t)ceil(q * (double)h->n), seen = 0;

	if (h->n == 0)
		return 0;
	if (rank >= h->n)
		return (double)h->max;
	for (unsigned i = 0; i < BUCKETS; i++) {
		seen += h->count[i];
		if (seen >= rank && seen > 0)
			return value_of(i) < (double)h->max ? value_of(i) : (double)h->max;
	}
	return (double)h->max;
}
