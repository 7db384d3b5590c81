/* expiry_plan.h: what the expiry benchmark does, and what it found in each of its cells.
 * docs/benchmarks.md tells the method. */
#ifndef BENCH_EXPIRY_PLAN_H
#define BENCH_EXPIRY_PLAN_H

#include <stdbool.h>
#include <stdint.h>
#include "lateness.h"
#include "server.h"

#define LIVE_MAX 8

struct expiry_plan {
	unsigned live[LIVE_MAX], n_live; /* numbers of blobs that live for a day meanwhile */
	bool idle, busy;                 /* which loads */
	/* Blobs that end: those whose removal is watched (at most a tenth of live), those that are
	 * asked for, and those that are searched for in memory. */
	unsigned sample, asked, wiped;
	int64_t lead_ms;   /* from storing them to the first deadline */
	int64_t spread_ms; /* from the first deadline to the last */
	int64_t window_ms; /* removal is waited for so long after the last deadline */
	int64_t wipe_lead_ms, wipe_window_ms; /* the same for those searched for in memory */
	/* Measuring begins when the outbox has not become shorter for so long. */
	int64_t settle_ms;
	unsigned workers, connections, blob_bytes;
	struct server_settings redis; /* timeglas's, for the plain Redis */
};

/* One system with one number of live blobs under one load. */
struct expiry_cell {
	bool plain, busy;
	unsigned live;
	struct lateness removed, refused, wiped;
	unsigned late_live, confirmed; /* sums of struct refusal's */
	double observed_s;             /* each removal was waited for at least so long */
	bool readable;                 /* the servers' memory could be read */
	unsigned found_live;           /* of wiped.of: found in memory before the deadline */
	unsigned in_redis, in_server;  /* still in memory at the end of the window */
	/* plain Redis: still in memory after a read had removed them; -1: does not apply */
	int after_read;
	double scan_ms;                 /* duration of the last search of all memory */
	double ops_per_s, machine_busy; /* while removal was watched; machine_busy 0..1 */
};

#endif
