/* seal.h: what the parts of timeglas-bench seal share. */
#ifndef BENCH_SEAL_H
#define BENCH_SEAL_H

#include <stdbool.h>
#include <stddef.h>

struct inside { /* one way of sealing or opening in this process, without input or output */
	bool opening, with_signature;
	unsigned n;
	struct small {
		double median_us, p99_us, max_us;
	} wall, cpu; /* cpu: without the time in which this process did not run */
};

#define INSIDE_WAYS 4

/** inside_measure(bytes, n, out): n times that much content, each from new to free, one after the
 * other. */
void inside_measure(size_t bytes, unsigned n, struct inside out[INSIDE_WAYS]);

#endif
