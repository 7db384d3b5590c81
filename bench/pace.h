/*
 * pace.h: when requests at a fixed rate are due, and a timer that wakes the loop for the next one.
 * Requests are due at multiples of 200 us, some at once: to set a timer costs 20 us on a virtual
 * machine, too much for each request.
 */
#ifndef BENCH_PACE_H
#define BENCH_PACE_H

#include <stdint.h>

struct pace {
	double rate;                          /* requests a second */
	int64_t start_mono_ns, until_mono_ns; /* of request 0; no request is due from until on */
	int64_t alarm_mono_ns;                /* the time for which fd is set */
	int fd;                               /* readable at that time; owned */
};

/** Makes the timer. start and until are 0: the caller sets them. Dies on failure. */
void pace_open(struct pace *p, double rate);
void pace_close(struct pace *p);

/** The time at which request i is due. */
int64_t pace_due(const struct pace *p, uint64_t i);

/** How many requests were due by now_mono_ns. */
uint64_t pace_count(const struct pace *p, int64_t now_mono_ns);

/** Sets the timer. A call with the time for which it is set already costs nothing. */
void pace_wake(struct pace *p, int64_t at_mono_ns);

#endif
