/* cpu.c: see cpu.h. Reads /proc. */
#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "bench.h"
#include "cpu.h"

static bool is_named(pid_t pid, const char *prefix)
{
	char path[64], name[64];
	FILE *f;

	snprintf(path, sizeof path, "/proc/%ld/comm", (long)pid);
	f = fopen(path, "re");
	if (f == NULL)
		bench_die("process %ld of a server ended", (long)pid);
	name[fread(name, 1, sizeof name - 1, f)] = '\0';
	fclose(f);
	return strncmp(name, prefix, strlen(prefix)) == 0;
}

static bool is_known(const struct cpu_set *set, pid_t pid)
{
	for (unsigned i = 0; i < set->n; i++)
		if (set->of[i].pid == pid)
			return true;
	return false;
}

void cpu_add(struct cpu_set *set, pid_t pid, enum cpu_part part)
{
	if (set->n == CPU_PIDS)
		bench_die("a server has too many processes");
	set->of[set->n].pid = pid;
	set->of[set->n++].part = part;
}

void cpu_add_children(struct cpu_set *set, pid_t pid, const char *prefix)
{
	pid_t child[CPU_PIDS];
	unsigned n = bench_children(pid, child, CPU_PIDS);

	for (unsigned i = 0; i < n; i++)
		if (!is_known(set, child[i]))
			cpu_add(set, child[i], is_named(child[i], prefix) ? CPU_WORKERS : CPU_REST);
}

/* Lets all threads of a process run on the processors to alone. */
static void confine(pid_t pid, const cpu_set_t *to)
{
	char path[64];
	struct dirent *e;
	DIR *d;

	snprintf(path, sizeof path, "/proc/%ld/task", (long)pid);
	d = opendir(path);
	if (d == NULL)
		bench_die("process %ld of a server ended", (long)pid);
	while ((e = readdir(d)) != NULL)
		if (e->d_name[0] != '.' &&
			sched_setaffinity((pid_t)strtol(e->d_name, NULL, 10), sizeof *to, to) !=
				0 &&
			errno != ESRCH)
			bench_die("cannot tell process %ld where to run: %s", (long)pid,
				strerror(errno));
	closedir(d);
}

/* The processors on which this process was started. */
static const cpu_set_t *all_processors(void)
{
	static cpu_set_t all;

	if (CPU_COUNT(&all) == 0 && sched_getaffinity(0, sizeof all, &all) != 0)
		bench_die("cannot tell the processors");
	return &all;
}

void cpu_anywhere(void)
{
	confine(getpid(), all_processors());
}

bool cpu_enough(unsigned workers)
{
	return (int)workers < CPU_COUNT(all_processors());
}

void cpu_place(const struct cpu_set *set)
{
	const cpu_set_t *all = all_processors();
	cpu_set_t first, others = *all;
	unsigned workers = 0;

	CPU_ZERO(&first);
	for (unsigned i = 0; i < set->n; i++)
		workers += set->of[i].part == CPU_WORKERS;
	if (workers == 0 || !cpu_enough(workers))
		return;
	for (size_t cpu = 0; CPU_COUNT(&first) < (int)workers; cpu++)
		if (CPU_ISSET(cpu, all)) {
			CPU_SET(cpu, &first);
			CPU_CLR(cpu, &others);
		}
	for (unsigned i = 0; i < set->n; i++)
		confine(set->of[i].pid, set->of[i].part == CPU_REDIS ? &others : &first);
	confine(getpid(), &others);
}

static double spent(pid_t pid)
{
	struct timespec t;
	clockid_t clock;

	if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &t) != 0)
		bench_die("process %ld of a server ended", (long)pid);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Seconds that all processors worked: without idle time, and without what the host took. */
static double machine(void)
{
	double ticks = 0;
	/* The line is "cpu " user nice system idle iowait irq softirq steal. */
	char line[256] = "", *at = line + 4;
	FILE *f = fopen("/proc/stat", "re");

	if (f == NULL || fgets(line, sizeof line, f) == NULL)
		bench_die("cannot read /proc/stat");
	fclose(f);
	for (unsigned i = 0; i < 7; i++) {
		unsigned long long v = strtoull(at, &at, 10);

		ticks += i == 3 || i == 4 ? 0 : (double)v;
	}
	return ticks / (double)sysconf(_SC_CLK_TCK);
}

void cpu_read(const struct cpu_set *set, struct cpu_times *out)
{
	memset(out, 0, sizeof *out);
	for (unsigned i = 0; i < set->n; i++)
		out->s[set->of[i].part] += spent(set->of[i].pid);
	out->s[CPU_GENERATOR] += spent(getpid());
	out->machine_s = machine();
}

struct cpu_times cpu_since(const struct cpu_times *then, const struct cpu_times *now)
{
	struct cpu_times d;

	for (unsigned i = 0; i < CPU_PARTS; i++)
		d.s[i] = now->s[i] - then->s[i];
	d.machine_s = now->machine_s - then->machine_s;
	return d;
}
