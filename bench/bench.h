/*
 * bench.h: what the benchmarks of timeglas-bench share. A benchmark runs in a process of its own
 * and may simply die(): its parent ends every process that it started and removes its temporary
 * folder (main.c).
 */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/** die(fmt, …): says why on stderr and ends this process with status 1. */
void die(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));
/** say(fmt, …): a line on stderr: where the benchmark is. */
void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/** bench_show(path): a file's first 4 KiB on stderr. */
void bench_show(const char *path);

/** wall_us(): Unix time in microseconds: the clock that rules deadlines, here as in Redis on the
 * same machine. */
int64_t wall_us(void);
/** mono_ns(): nanoseconds since some time: the clock of durations. */
int64_t mono_ns(void);
/** sleep_until_us(t): until wall_us() is t; returns at once when it is past. */
void sleep_until_us(int64_t t);
/** bench_alloc(n, size): zeroed, or it dies. bench_share(bytes): the same, shared with children
 * forked later; never freed. */
void *bench_alloc(size_t n, size_t size);
void *bench_share(size_t bytes);

/** bench_children(pid, out, cap): the children that a process has now; returns how many, at most
 * cap. */
unsigned bench_children(pid_t pid, pid_t *out, unsigned cap);

/** bench_expiry(argc, argv, dir): the subcommand "expiry"; dir is an empty folder for it. Returns
 * an exit status. */
int bench_expiry(int argc, char **argv, const char *dir);
/** The same for the others. */
int bench_throughput(int argc, char **argv, const char *dir);
int bench_latency(int argc, char **argv, const char *dir);
int bench_connect(int argc, char **argv, const char *dir);
int bench_scale(int argc, char **argv, const char *dir);
int bench_live(int argc, char **argv, const char *dir);
int bench_seal(int argc, char **argv, const char *dir);
int bench_keyupdates(int argc, char **argv, const char *dir);

#endif
