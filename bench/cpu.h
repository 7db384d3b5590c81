/* cpu.h: the processor time that the parts of a system spend, to the nanosecond as the kernel's
 * scheduler counts it. */
#ifndef BENCH_CPU_H
#define BENCH_CPU_H

#include <stdbool.h>
#include <sys/types.h>

#define CPU_PIDS 40

enum cpu_part {
	CPU_WORKERS, /* the processes that serve clients */
	CPU_REST,    /* every other process of the system but Redis */
	CPU_REDIS,
	CPU_GENERATOR, /* this process */
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
	double s[CPU_PARTS];
	double machine_s; /* all processors, all processes: counted in ticks of 10 ms */
};

/** cpu_add(set, pid, part). cpu_add_children(set, pid, prefix): children of pid are workers if
 * their name begins so, the rest otherwise. */
void cpu_add(struct cpu_set *set, pid_t pid, enum cpu_part part);
void cpu_add_children(struct cpu_set *set, pid_t pid, const char *prefix);
/**
 * cpu_place(set): as many processors as the system has workers, the first ones, are for what is
 * measured: all its processes but Redis. Redis and this process, which do the same job for every
 * system, share the others; if there are enough for that. Where a scheduler puts three busy
 * processes on two processors is else a matter of who woke whom, and a measurement of that.
 */
void cpu_place(const struct cpu_set *set);
/** cpu_enough(workers): are there processors for so many workers, and one more? */
bool cpu_enough(unsigned workers);
/** cpu_anywhere(): this process, and who is started by it, may run on all processors again. */
void cpu_anywhere(void);
/** cpu_read(set, out): spent so far. Dies when a process is gone: its time would be missing. */
void cpu_read(const struct cpu_set *set, struct cpu_times *out);
/** cpu_since(then, now): what lies between. */
struct cpu_times cpu_since(const struct cpu_times *then, const struct cpu_times *now);

#endif
