/* memscan.h: looks for bytes in the writable memory of another process, all of it, as whoever can
 * read that memory would. */
#ifndef BENCH_MEMSCAN_H
#define BENCH_MEMSCAN_H

#include <stdbool.h>
#include <sys/types.h>

#define MARKER_BYTES 32

/**
 * memscan(pid, marker, n, found): sets found[i] where marker i stands somewhere; leaves the others.
 * Returns 0, or a negative TG_E… when that memory may not be read.
 */
int memscan(pid_t pid, const unsigned char (*marker)[MARKER_BYTES], unsigned n, bool *found);

#endif
