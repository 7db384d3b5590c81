/* perf.c: see perf.h. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "bench.h"
#include "ceiling.h"
#include "perf.h"

struct window {
	const struct cpu_set *set;
	struct cpu_times at[2];
};

static void on_edge(void *ctx, bool end)
{
	struct window *w = ctx;

	cpu_read(w->set, &w->at[end]);
}

void perf_derive(struct sample *out, const struct cpu_times *spent)
{
	double ours = 0, machine_s = out->seconds * (double)sysconf(_SC_NPROCESSORS_ONLN);

	out->per_s = out->requests / out->seconds;
	for (unsigned i = 0; i < CPU_PARTS; i++) {
		out->us[i] = out->requests > 0 ? spent->s[i] * 1e6 / out->requests : (double)NAN;
		ours += spent->s[i];
	}
	out->others = spent->machine_s > ours ? (spent->machine_s - ours) / machine_s : 0;
}

void perf_measure(struct system *s, const struct gen_plan *p, struct blobs *b, struct sample *out)
{
	struct window w = {.set = &s->cpu};
	struct gen_plan plan = *p;
	struct cpu_times spent;
	struct gen_result r;

	if (s->kind == SYSTEM_REDIS_TLS || s->kind == SYSTEM_REDIS_UNIX) {
		ceiling_measure(s, blobs_size(b), p, out);
		return;
	}
	plan.edge = on_edge;
	plan.ctx = &w;
	memset(out, 0, sizeof *out);
	gen_run(&s->wire, &plan, b, &r);
	memcpy(out->error, r.error, sizeof out->error);
	if (out->error[0] == '\0') {
		out->seconds = r.seconds;
		out->requests = (double)(r.puts + r.takes);
		out->backlog_max = r.backlog_max;
		spent = cpu_since(&w.at[0], &w.at[1]);
		perf_derive(out, &spent);
		histogram_merge(r.put, r.take);
		out->all = r.put;
		r.put = NULL;
	}
	gen_result_free(&r);
}

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

struct spread perf_spread(double *v, unsigned n)
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
