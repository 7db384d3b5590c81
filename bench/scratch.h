/* scratch.h: a temporary folder where the user wants it, such as on a file system in memory. */
#ifndef BENCH_SCRATCH_H
#define BENCH_SCRATCH_H

#include <stddef.h>

/**
 * Makes an empty folder of mode 0700 in the folder where, and writes its path to out (cap: its room
 * in bytes). Another process removes it with all its files as soon as this process has ended, also
 * by SIGKILL. Dies when no folder can be made.
 */
void scratch_open(const char *where, char *out, size_t cap);

#endif
