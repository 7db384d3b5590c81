/*
 * child.h: what the master gives each child process (worker, reaper, recorder, admin, logger) when
 * it forks it. A child's main returns its exit status. SIGTERM: drain and return 0. SIGHUP: the
 * master has checked new files and left what came of them in the handover; it is blocked at first,
 * so that none is lost: unblock it once it can be handled. SIGINT is ignored (the master handles
 * it). The parent's death kills it.
 */
#ifndef BASE_CHILD_H
#define BASE_CHILD_H

#include <stdbool.h>
#include <stdint.h>
#include "base/metrics.h"

struct conf;
struct handover;
struct heartbeat;
struct ssl_ctx_st;

/* Who adds to which metrics slot: the master to 0, worker i to CHILD_SLOT_WORKER(i), the others
 * behind the last worker. */
#define CHILD_SLOT_MASTER 0u
#define CHILD_SLOT_WORKER(i) (1u + (i))
#define CHILD_SLOT_REAPER(workers) (1u + (workers))
#define CHILD_SLOT_ADMIN(workers) (2u + (workers))
#define CHILD_SLOT_RECORDER(workers) (3u + (workers))
#define CHILD_SLOT_LOGGER(workers) (4u + (workers))
#define CHILD_SLOTS(workers) (5u + (workers))

struct child_env {
	const char *name;            /* "worker-0", "reaper", "admin", "recorder", "logger" */
	unsigned index;              /* of that kind */
	struct conf *conf;           /* the last good one when it was forked */
	struct ssl_ctx_st *tls;      /* the same, for workers; NULL for others */
	struct handover *handover;   /* workers: the last good ones since */
	struct heartbeat *heartbeat; /* of all processes, by metrics slot */
	const char *store_url;       /* of the embedded store, or conf's */
	int listen_fd;               /* worker, admin; otherwise -1 */
	/* worker: the sockets of all, by index, for one that does not serve; otherwise NULL */
	const int *worker_fds;
	unsigned n_workers;
	struct metrics *metrics;
	unsigned metrics_slot;
	bool embedded_store;
};
typedef int child_main(const struct child_env *env);

#endif
