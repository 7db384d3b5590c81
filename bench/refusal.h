/* refusal.h: when a blob was first refused to a client that asks for it again and again. The blobs
 * must not be those of removal.h: a plain Redis removes a due key when it is asked for. */
#ifndef BENCH_REFUSAL_H
#define BENCH_REFUSAL_H

#include <sys/types.h>
#include "seed.h"

struct refusal {
	int64_t refused_us; /* arrival of the first refusal; 0: none within a second */
	unsigned late_live; /* 1: a request sent after the deadline was answered as live */
	unsigned confirmed; /* timeglas: 1: a take right afterwards was refused with 410 */
};

/**
 * Forks a process that asks for each of n blobs in order of their deadlines, from 5 ms before the
 * deadline until it is refused.
 *
 * @out  n entries from bench_share(); valid after refusal_wait()
 *
 * Returns the process's id, for refusal_wait().
 */
pid_t refusal_start(
	const struct server *s, const struct seeded *b, unsigned n, struct refusal *out);

/** Waits for the end of that process. Dies when it failed. */
void refusal_wait(pid_t pid);

#endif
