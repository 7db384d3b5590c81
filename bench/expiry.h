/* expiry.h: what the files of the expiry benchmark share: the plan, and what came of each cell of
 * it (docs/benchmarks.md). */
#ifndef BENCH_EXPIRY_H
#define BENCH_EXPIRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include "servers.h"

#define LIVE_MAX 8

struct expiry_plan {
	unsigned live[LIVE_MAX], n_live; /* blobs with a day to live, beside those that end */
	bool idle, busy;                 /* which loads */
	/* blobs that end: watched, asked for, looked for in memory; sample: at most a tenth of live
	 */
	unsigned sample, asked, wiped;
	int64_t lead_ms;   /* from making them to the first deadline */
	int64_t spread_ms; /* from the first deadline to the last */
	/* so long after the last deadline removal is still waited for */
	int64_t window_ms;
	int64_t wipe_lead_ms, wipe_window_ms;
	/* the outbox must not have shrunk for that long before anything is measured */
	int64_t settle_ms;
	unsigned workers, connections, blob_bytes;
	struct redis_like redis;
};

/* Sorted, in ms after the deadline; of blobs that did not get there within the time there is no
 * entry. */
struct lateness {
	double *ms;
	unsigned n, of;
};

struct cell {
	bool plain, busy;
	unsigned live;
	struct lateness removed, refused, wiped;
	unsigned late_live, confirmed; /* watch.h */
	double observed_s;             /* each removal was waited for at least so long */
	bool readable;                 /* memory could be looked at */
	/* of wiped.of, before the deadline: the search can find them */
	unsigned found_live;
	unsigned in_redis, in_server; /* still there at the end of the window */
	/* plain: still in memory after a read made Redis remove them; -1: does not apply */
	int after_read;
	/* how long one look took: nothing is known more exactly */
	double scan_ms;
	double ops_per_s, machine_busy; /* while removal was watched */
};

/** wipe_measure(s, p, c): the part about memory (wipe.c). */
void wipe_measure(const struct server *s, const struct expiry_plan *p, struct cell *c);
/** wipe_envelope(out, cap): a small age envelope, sealed now to nobody. Returns its length. */
size_t wipe_envelope(unsigned char *out, size_t cap);

/** lateness_new(l, of): room for so many; lateness_add: one more; lateness_sort: when all are in.
 */
void lateness_new(struct lateness *l, unsigned of);
void lateness_add(struct lateness *l, int64_t late_us);
void lateness_sort(struct lateness *l);

void report_table(const struct expiry_plan *p, const struct cell *c, size_t n);
/** report_json(p, c, n, path): "-" for stdout. Dies when it cannot be written. */
void report_json(const struct expiry_plan *p, const struct cell *c, size_t n, const char *path);
/** report_plot(p, c, n, path): an SVG, by gnuplot. */
void report_plot(const struct expiry_plan *p, const struct cell *c, size_t n, const char *path);

#endif
