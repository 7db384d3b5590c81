/*
 * watch.h: when a blob's bytes left Redis, by Redis's own key events, and when it was first refused
 * to somebody who asks. Those asked for are others than those watched: asking removes.
 */
#ifndef BENCH_WATCH_H
#define BENCH_WATCH_H

#include <sys/types.h>
#include "seed.h"

struct watch;

/** watch_open(s, b, n): subscribes to the events of n keys; b is borrowed until watch_close(). */
struct watch *watch_open(const struct server *s, const struct seeded *b, unsigned n);
/** watch_run(w, until_us, removed_us): until all are removed or wall_us() is until_us.
 * removed_us[i]: when the event came; 0: not yet. */
void watch_run(struct watch *w, int64_t until_us, int64_t *removed_us);
void watch_close(struct watch *w);

struct asked {
	int64_t refused_us; /* the first refusal arrived; 0: none within a second */
	unsigned late_live; /* 1: a request sent after the deadline was answered as live */
	unsigned confirmed; /* timeglas: a take right afterwards was refused with 410 */
};

/**
 * ask_start(s, b, n, out): a process that asks for each of n blobs, in order, from just before its
 * deadline until it is refused. out: bench_share()d.
 */
pid_t ask_start(const struct server *s, const struct seeded *b, unsigned n, struct asked *out);
/** ask_wait(pid): until it is done; dies when it failed. */
void ask_wait(pid_t pid);

#endif
