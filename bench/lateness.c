/* lateness.c: see lateness.h. */
#include <math.h>
#include <stdlib.h>
#include "bench.h"
#include "lateness.h"

void lateness_init(struct lateness *l, unsigned of)
{
	l->ms = bench_alloc(of, sizeof *l->ms);
	l->n = 0;
	l->of = of;
}

void lateness_free(struct lateness *l)
{
	free(l->ms);
	l->ms = NULL;
}

void lateness_add(struct lateness *l, int64_t late_us)
{
	l->ms[l->n++] = (double)late_us / 1000;
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

void lateness_sort(struct lateness *l)
{
	qsort(l->ms, l->n, sizeof *l->ms, ascending);
}

double lateness_quantile(const struct lateness *l, double q)
{
	double rank = ceil(q * l->of);
	unsigned i = rank < 1 ? 0 : (unsigned)rank - 1;

	return i < l->n ? l->ms[i] : (double)NAN;
}
