/*
 * bench.h: the clocks, memory and messages that every file of timeglas-bench uses. It knows no
 * other file of the benchmarks.
 *
 * A benchmark runs in a process of its own. It may end at any point by bench_die(): its parent
 * (main.c) then ends every process that it started and removes its temporary folder.
 */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/** Writes "timeglas-bench: ", the message and a line break to stderr, and ends this process with
 * status 1. */
void bench_die(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));

/** Writes a line of progress to stderr. */
void bench_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/** Copies the first 4 KiB of the file at path to stderr. A file that cannot be read is skipped. */
void bench_show(const char *path);

/** Unix time in microseconds. Deadlines are told by this clock, also by the Redis on the same
 * machine. */
int64_t bench_wall_us(void);

/** Nanoseconds of the monotonic clock. Durations are measured by this clock. */
int64_t bench_mono_ns(void);

/** Sleeps until bench_wall_us() reaches wall_us. Returns at once when that time is past. */
void bench_sleep_until_us(int64_t wall_us);

/** Allocates n * size zeroed bytes; the caller frees them. Dies when there is no memory. */
void *bench_alloc(size_t n, size_t size);

/** Maps zeroed memory that this process shares with the children that it forks later. Dies when
 * there is no memory. It is never freed, but munmap() may be called on it. */
void *bench_share(size_t bytes);

/** Stores the ids of the present children of the process pid in out, at most cap of them. Returns
 * their number; 0 when pid has ended. */
unsigned bench_children(pid_t pid, pid_t *out, unsigned cap);

#endif
