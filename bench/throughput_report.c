/* throughput_report.c: what was measured, as a table. It leaves nothing out and rounds only what people read. */
#include <math.h>
#include <stdio.h>
#include "throughput.h"

static double per_s(const struct sample *s)
{
	return s->per_s;
}

static double workers(const struct sample *s)
{
	return s->us[CPU_WORKERS];
}

static double rest(const struct sample *s)
{
	return s->us[CPU_REST];
}

static double redis(const struct sample *s)
{
	return s->us[CPU_REDIS];
}

static double generator(const struct sample *s)
{
	return s->us[CPU_GENERATOR];
}

static double others(const struct sample *s)
{
	return 100 * s->others;
}

static void row(const struct throughput *t, unsigned size, unsigned kind)
{
	struct spread r = throughput_of(t, size, kind, per_s), x = throughput_ratio(t, size, kind, per_s), w = throughput_ratio(t, size, kind, workers);

	printf("%8zu %-12s %8.0f %8.0f %8.0f  %8.1f %7.1f %7.1f %7.1f %5.0f%%", t->size[size], system_name(t->kind[kind]), r.min, r.median, r.max,
	    throughput_of(t, size, kind, workers).median, throughput_of(t, size, kind, rest).median, throughput_of(t, size, kind, redis).median,
	    throughput_of(t, size, kind, generator).median, throughput_of(t, size, kind, others).median);
	if (kind > 0)
		printf("  %5.2f %5.2f %5.2f   %5.2f", x.min, x.median, x.max, w.median);
	if (r.n < t->rounds)
		printf("  %u of %u void", t->rounds - r.n, t->rounds);
	putchar('\n');
}

void throughput_table(const struct throughput *t)
{
	printf("Redis %s, %u worker(s), %u clients, %u live blobs, %u round(s) of %g s\n\n", t->all.redis.version, t->all.workers, t->gen.clients,
	    t->gen.live, t->rounds, t->gen.measure_s);
	printf("%8s %-12s %26s  %32s %6s  %17s   %s\n", "", "", "requests/s", "us of processor time a request", "", "timeglas : it", "workers'");
	printf("%8s %-12s %8s %8s %8s  %8s %7s %7s %7s %6s  %5s %5s %5s   %s\n", "bytes", "", "min", "median", "max", "workers", "rest", "Redis",
	    "gen", "others", "min", "med", "max", "time");
	for (unsigned i = 0; i < t->n_sizes; i++)
		for (unsigned k = 0; k < t->n_kinds; k++)
			row(t, i, k);
}
