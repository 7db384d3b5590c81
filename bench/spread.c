/* spread.c: see spread.h. */
#include <math.h>
#include <stdlib.h>
#include "spread.h"

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* How many of n sorted figures lie outside the median's interval on either side: the most for which
 * P(Binomial(n, 1/2) < out) stays below 0.025. */
static unsigned outside(unsigned n)
{
	double p = pow(0.5, n), below = p;
	unsigned out = 0;

	while (below <= 0.025 && out < n / 2) {
		out++;
		p = p * (double)(n - out + 1) / out;
		below += p;
	}
	return out;
}

struct spread spread_of(double *v, unsigned n)
{
	struct spread s = {(double)NAN, (double)NAN, (double)NAN, (double)NAN, (double)NAN, 0};
	unsigned out;

	for (unsigned i = 0; i < n; i++)
		if (!isnan(v[i]))
			v[s.n++] = v[i];
	if (s.n == 0)
		return s;
	qsort(v, s.n, sizeof *v, ascending);
	s.min = v[0];
	s.max = v[s.n - 1];
	s.median = s.n % 2 ? v[s.n / 2] : (v[s.n / 2 - 1] + v[s.n / 2]) / 2;
	out = outside(s.n);
	if (out > 0) {
		s.low = v[out - 1];
		s.high = v[s.n - out];
	}
	return s;
}
