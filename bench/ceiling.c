/*
 * ceiling.c: see ceiling.h. redis-benchmark takes a number of requests, not a time. Short runs
 * first measure how many requests it does in the time that is wanted. It overwrites and reads one
 * key, so Redis's memory does not grow.
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

/* Runs n times command, which is SET or GET. Returns how many a second; 0: it failed. */
static double run(
	const struct system *s, const char *command, size_t size, unsigned clients, uint64_t n)
{
	char line[2048], where[1280], want[16];
	double per_s = 0;
	FILE *f;

	if (s->kind == SYSTEM_REDIS_UNIX)
		snprintf(where, sizeof where, "-s %s", s->store.socket);
	else
		snprintf(where, sizeof where, "-h %s -p %u --tls --cacert %s --cert %s --key %s",
			s->wire.host, s->wire.port, s->wire.ca, s->wire.up_cert, s->wire.up_key);
	snprintf(line, sizeof line,
		"exec redis-benchmark --csv -t %s -c %u -d %zu -n %llu %s 2>/dev/null", command,
		clients, size, (unsigned long long)n, where);
	snprintf(want, sizeof want, "\"%s\",\"", command);
	f = popen(line, "re");
	if (f == NULL)
		bench_die("cannot run redis-benchmark");
	while (fgets(line, sizeof line, f) != NULL)
		if (strncmp(line, want, strlen(want)) == 0)
			per_s = strtod(line + strlen(want), NULL);
	return pclose(f) == 0 ? per_s : 0;
}

static double seconds_of_children(void)
{
	struct rusage u;

	getrusage(RUSAGE_CHILDREN, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
		(double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

/* Runs more and more requests until they last half of the time at least: shorter runs measure
 * handshakes. Sets n to the number of the last run. */
static double run_for(const struct system *s, const char *command, size_t size, unsigned clients,
	double seconds, uint64_t *n)
{
	double took, per_s;
	int64_t began;

	*n = PROBE;
	for (;;) {
		began = bench_mono_ns();
		per_s = run(s, command, size, clients, *n);
		took = (double)(bench_mono_ns() - began) / 1e9;
		if (per_s <= 0 || took > seconds / 2)
			return per_s;
		*n = (uint64_t)((double)*n * (took > 0.1 * seconds ? seconds / took : 8));
	}
}

void ceiling_measure(struct system *s, size_t size, const struct gen_plan *p, struct sample *out)
{
	struct cpu_times before, after, spent;
	uint64_t set_n, get_n;
	double children;
	int64_t began;

	memset(out, 0, sizeof *out);
	out->set_per_s = run_for(s, "SET", size, p->clients, p->measure_s / 2, &set_n);
	out->get_per_s = run_for(s, "GET", size, p->clients, p->measure_s / 2, &get_n);
	if (out->set_per_s <= 0 || out->get_per_s <= 0) {
		snprintf(out->error, sizeof out->error, "redis-benchmark failed");
		return;
	}
	/* Run the same numbers again, to measure the processor time of that alone. */
	cpu_read(&s->cpu, &before);
	children = seconds_of_children();
	began = bench_mono_ns();
	out->requests = (double)(set_n + get_n);
	out->set_per_s = run(s, "SET", size, p->clients, set_n);
	out->get_per_s = run(s, "GET", size, p->clients, get_n);
	out->seconds = (double)(bench_mono_ns() - began) / 1e9;
	cpu_read(&s->cpu, &after);
	if (out->set_per_s <= 0 || out->get_per_s <= 0) {
		snprintf(out->error, sizeof out->error, "redis-benchmark failed the second time");
		return;
	}
	spent = cpu_since(&before, &after);
	spent.s[CPU_GENERATOR] += seconds_of_children() - children;
	sample_derive(out, &spent);
	out->us[CPU_WORKERS] = out->us[CPU_REST] = (double)NAN;
	out->per_s = 2 / (1 / out->set_per_s + 1 / out->get_per_s);
}
