/* cpu.h: the processor time that the processes of a system spend, as the kernel's scheduler counts
 * it in nanoseconds, and the processors that they may run on. */
#ifndef BENCH_CPU_H
#define BENCH_CPU_H

#include <stdbool.h>
#include <sys/types.h>

#define CPU_PIDS 40

enum cpu_part {
	CPU_WORKERS, /* the processes that serve clients */
	CPU_REST,    /* every other process of the system but Redis */
	CPU_REDIS,
	CPU_GENERATOR, /* this process, and others that make load */
	CPU_PARTS
};

struct cpu_set {
	unsigned n;
	struct {
		pid_t pid;
		enum cpu_part part;
	} of[CPU_PIDS];
};

struct cpu_times {
	double s[CPU_PARTS]; /* seconds */
	double machine_s;    /* of all processes on all processors, in ticks of 10 ms */
};

/** Adds a process. Dies when there are more than CPU_PIDS. */
void cpu_add(struct cpu_set *set, pid_t pid, enum cpu_part part);

/** Adds the children of pid that set does not have: as workers if their name begins with prefix, as
 * CPU_REST otherwise. */
void cpu_add_children(struct cpu_set *set, pid_t pid, const char *prefix);

/**
 * Gives each process of set a place. The system under test, but for its Redis, gets as many
 * processors as it has workers, the first ones. Redis and the load generators share the others,
 * since they do the same work for every system. Otherwise it depends on the scheduler which of
 * three busy processes share a processor, and the figures show that instead. Does nothing when no
 * processor would be left.
 */
void cpu_place(const struct cpu_set *set);

/** True when there are more processors than workers. */
bool cpu_enough(unsigned workers);

/** Lets this process, and what it starts from now on, run on all processors again. */
void cpu_anywhere(void);

/** Reads the time spent so far, also by this process. Dies when a process of set has ended, because
 * its time would be missing. */
void cpu_read(const struct cpu_set *set, struct cpu_times *out);

/** Returns now - then. */
struct cpu_times cpu_since(const struct cpu_times *then, const struct cpu_times *now);

#endif
