/* memscan.h: searches the writable memory of another process, as anybody who may read that memory
 * could. */
#ifndef BENCH_MEMSCAN_H
#define BENCH_MEMSCAN_H

#include <stdbool.h>
#include <sys/types.h>

#define MARKER_BYTES 32

/** Sets found[i] where marker[i] stands anywhere in the writable memory of pid, and leaves the
 * other entries as they are. Both have n entries. Returns 0, or TG_EIO when that memory may not be
 * read.
 */
int memscan(pid_t pid, const unsigned char (*marker)[MARKER_BYTES], unsigned n, bool *found);

#endif
