/* perf.c: see perf.h. */
#include <string.h>
#include "ceiling.h"
#include "perf.h"

/* What was spent and transferred when measuring began, and when it ended. */
struct window {
	struct cpu_set set;
	const struct transfers *beside; /* or NULL */
	struct cpu_times at[2];
	uint64_t transfers[2];
};

static void on_edge(void *ctx, bool end)
{
	struct window *w = ctx;

	cpu_read(&w->set, &w->at[end]);
	w->transfers[end] = w->beside != NULL ? transfers_done(w->beside) : 0;
}

static void fill_in(struct sample *out, const struct window *w, struct gen_result *r)
{
	struct cpu_times spent = cpu_since(&w->at[0], &w->at[1]);

	out->seconds = r->seconds;
	out->requests = (double)(r->puts + r->takes);
	out->backlog_max = r->backlog_max;
	out->transfers_per_s = (double)(w->transfers[1] - w->transfers[0]) / r->seconds;
	sample_derive(out, &spent);
	histogram_merge(r->put, r->take);
	out->all = r->put;
	r->put = NULL;
}

void perf_measure_beside(struct system *s, const struct gen_plan *p, struct blobs *b,
	const struct transfers *beside, struct sample *out)
{
	struct window w = {.set = s->cpu, .beside = beside};
	struct gen_plan plan = *p;
	struct gen_result r;

	if (beside != NULL)
		cpu_add(&w.set, transfers_pid(beside), CPU_GENERATOR);
	plan.edge = on_edge;
	plan.ctx = &w;
	memset(out, 0, sizeof *out);
	gen_run(&s->wire, &plan, b, &r);
	memcpy(out->error, r.error, sizeof out->error);
	if (out->error[0] == '\0')
		fill_in(out, &w, &r);
	gen_result_free(&r);
}

void perf_measure(struct system *s, const struct gen_plan *p, struct blobs *b, struct sample *out)
{
	if (s->kind == SYSTEM_REDIS_TLS || s->kind == SYSTEM_REDIS_UNIX)
		ceiling_measure(s, blobs_size(b), p, out);
	else
		perf_measure_beside(s, p, b, NULL, out);
}
