/* timed.h: what a command costs: wall time and the processor time of its process, by wait4(). */
#ifndef BENCH_TIMED_H
#define BENCH_TIMED_H

struct timed {
	double wall_ms, user_ms, sys_ms;
};

/**
 * timed_run(argv, env, said): runs argv (found through PATH) with that environment and no stdin;
 * what it says goes to the file said. Dies, showing it, unless it succeeds.
 */
struct timed timed_run(char *const argv[], char *const env[], const char *said);

#endif
