/*
 * ceiling.c: see ceiling.h. redis-benchmark knows no duration, so a short run tells how many requests fill the time. It overwrites and reads
 * one key: no memory grows. Runs in the benchmark's process.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include "bench.h"
#include "ceiling.h"

#define PROBE 500u

/* Runs so many of SET or GET; returns how many a second, 0 when it failed. */
static double run(const struct system *s, const char *command, size_t size, unsigned clients, uint64_t n)
{
	char line[2048], where[1280], want[16];
	double per_s = 0;
	FILE *f;

	if (s->kind == SYSTEM_REDIS_UNIX)
		snprintf(where, sizeof where, "-s %s", s->store.socket);
	else
		snprintf(where, sizeof where, "-h %s -p %u --tls --cacert %s --cert %s --key %s", s->wire.host, s->wire.port, s->wire.ca,
		    s->wire.up_cert, s->wire.up_key);
	snprintf(line, sizeof line, "exec redis-benchmark --csv -t %s -c %u -d %zu -n %llu %s 2>/dev/null", command, clients, size,
	    (unsigned long long)n, where);
	snprintf(want, sizeof want, "\"%s\",\"", command);
	f = popen(line, "re");
	if (f == NULL)
		die("cannot run redis-benchmark");
	while (fgets(line, sizeof line, f) != NULL)
		if (strncmp(line, want, strlen(want)) == 0)
			per_s = strtod(line + strlen(want), NULL);
	return pclose(f) == 0 ? per_s : 0;
}

static double seconds_of_children(void)
{
	struct rusage u;

	getrusage(RUSAGE_CHILDREN, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

void ceiling_measure(struct system *s, size_t size, const struct gen_plan *p, struct sample *out)
{
	struct cpu_times before, after, spent;
	double set, get, children;
	int64_t began;

	memset(out, 0, sizeof *out);
	set = run(s, "SET", size, p->clients, PROBE);
	get = run(s, "GET", size, p->clients, PROBE);
	cpu_read(&s->cpu, &before);
	children = seconds_of_children();
	began = mono_ns();
	out->requests = ceil(set * p->measure_s / 2) + ceil(get * p->measure_s / 2);
	out->set_per_s = set > 0 ? run(s, "SET", size, p->clients, (uint64_t)ceil(set * p->measure_s / 2)) : 0;
	out->get_per_s = get > 0 ? run(s, "GET", size, p->clients, (uint64_t)ceil(get * p->measure_s / 2)) : 0;
	out->seconds = (double)(mono_ns() - began) / 1e9;
	cpu_read(&s->cpu, &after);
	spent = cpu_since(&before, &after);
	spent.s[CPU_GENERATOR] += seconds_of_children() - children;
	if (out->set_per_s <= 0 || out->get_per_s <= 0) {
		snprintf(out->error, sizeof out->error, "redis-benchmark failed");
		return;
	}
	perf_derive(out, &spent);
	out->us[CPU_WORKERS] = out->us[CPU_REST] = (double)NAN;
	out->per_s = 2 / (1 / out->set_per_s + 1 / out->get_per_s);
}
