/*
 * audit_lateness.c: a histogram of lateness. It is exact below 32 us; from there on each doubling
 * has 32 buckets, so that a bucket is at most 1/32 too wide. Runs in the timeglas command.
 */
#include <stdlib.h>
#include "cli/audit_lateness.h"

#define BUCKETS 1920u
#define SUB_BITS 5 /* 32 buckets for each doubling */

static unsigned bucket_of(uint64_t us)
{
	unsigned shift = 0;

	if (us < 1u << SUB_BITS)
		return (unsigned)us;
	while (us >> shift >= 2u << SUB_BITS)
		shift++;
	return ((shift + 1) << SUB_BITS) + (unsigned)(us >> shift) - (1u << SUB_BITS);
}

static int64_t bucket_top(unsigned b)
{
	unsigned shift = b >> SUB_BITS;

	if (shift <= 1)
		return b;
	shift--;
	return (int64_t)((((uint64_t)(b & ((1u << SUB_BITS) - 1)) + (1u << SUB_BITS) + 1)
				 << shift) -
		1);
}

void audit_lateness_add(struct audit_lateness *l, int64_t us)
{
	if (l->count == NULL)
		l->count = calloc(BUCKETS, sizeof *l->count);
	if (l->count == NULL)
		return;
	l->count[bucket_of((uint64_t)us)]++;
	l->n++;
	if (us > l->worst_us)
		l->worst_us = us;
}

int64_t audit_lateness_quantile_us(const struct audit_lateness *l, double q)
{
	uint64_t want = (uint64_t)((double)l->n * q + 0.999999), seen = 0;

	if (l->count == NULL)
		return 0;
	for (unsigned b = 0; b < BUCKETS; b++) {
		seen += l->count[b];
		if (seen >= want && seen > 0)
			return bucket_top(b) < l->worst_us ? bucket_top(b) : l->worst_us;
	}
	return l->worst_us;
}

uint64_t audit_lateness_within(const struct audit_lateness *l, int64_t us)
{
	uint64_t n = 0;

	if (l->count == NULL || us >= l->worst_us)
		return l->n;
	for (unsigned b = 0; b <= bucket_of((uint64_t)us); b++)
		n += l->count[b];
	return n;
}

void audit_lateness_free(struct audit_lateness *l)
{
	free(l->count);
	*l = (struct audit_lateness){0};
}
