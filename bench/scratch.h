/* scratch.h: a folder where the benchmark wants it, such as on a file system in memory, that goes
 * with this process. */
#ifndef BENCH_SCRATCH_H
#define BENCH_SCRATCH_H

#include <stddef.h>

/**
 * scratch_open(where, out, cap): an empty folder in where, mode 0700; out: its path. A process of
 * its own removes it and all that is in it as soon as this one has ended, also by SIGKILL. Dies
 * when where takes none.
 */
void scratch_open(const char *where, char *out, size_t cap);

#endif
