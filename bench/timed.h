/* timed.h: the wall time and the processor time of a command. */
#ifndef BENCH_TIMED_H
#define BENCH_TIMED_H

struct timed {
	double wall_ms, user_ms, sys_ms; /* wall: from fork() to wait4() */
};

/**
 * Runs a command without stdin and waits for its end.
 *
 * @argv  its words; the program is found through PATH
 * @env   its environment
 * @said  a file that is overwritten with its stdout and stderr
 *
 * Dies, and shows that file, unless the command ends with status 0.
 */
struct timed timed_run(char *const argv[], char *const env[], const char *said);

#endif
