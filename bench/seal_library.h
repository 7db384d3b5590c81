/* seal_library.h: how long the library takes to seal and to open something small in this process,
 * without input or output. */
#ifndef BENCH_SEAL_LIBRARY_H
#define BENCH_SEAL_LIBRARY_H

#include <stdbool.h>
#include <stddef.h>

#define SEAL_LIBRARY_WAYS 4 /* sealing and opening, each without and with a signature */

struct seal_library_way {
	bool opening, with_signature;
	unsigned n; /* times */
	struct small {
		double median_us, p99_us, max_us;
	} wall, cpu; /* cpu: without the time in which this process did not run */
};

/** Seals and opens that many bytes n times in each way, from ..._new() to ..._free(). Fills in out.
 */
void seal_library_measure(size_t bytes, unsigned n, struct seal_library_way out[SEAL_LIBRARY_WAYS]);

#endif
