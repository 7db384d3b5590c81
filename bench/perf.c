/* perf.c: see perf.h. */
#include <string.h>
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
		sample_derive(out, &spent);
		histogram_merge(r.put, r.take);
		out->all = r.put;
		r.put = NULL;
	}
	gen_result_free(&r);
}
