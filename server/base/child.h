/*
 * child.h: what the master gives each child process (worker, reaper, recorder, admin, courier,
 * logger) when it forks it, and what it expects of it.
 *
 * SIGTERM: the child finishes its work, and its main returns EXIT_SUCCESS.
 * SIGHUP: the master has checked new files and put them into the handover. The signal is blocked at
 * first, so that none is lost; the child unblocks it when it can handle it.
 * SIGINT is ignored: the master handles it. The death of the master kills the child.
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

/* Each process has a slot of its own in metrics.h and heartbeat.h. Those behind the workers depend
 * on the number of workers. */
#define CHILD_SLOT_MASTER 0u
#define CHILD_SLOT_WORKER(i) (1u + (i))
#define CHILD_SLOT_REAPER(workers) (1u + (workers))
#define CHILD_SLOT_ADMIN(workers) (2u + (workers))
#define CHILD_SLOT_RECORDER(workers) (3u + (workers))
#define CHILD_SLOT_LOGGER(workers) (4u + (workers))
#define CHILD_SLOT_COURIER(workers) (5u + (workers))
#define CHILD_SLOTS(workers) (6u + (workers))

struct child_env {              /* valid for the life of the child; owned by the master */
	const char *name;       /* "worker-0", "reaper", "admin", "recorder", "courier", "logger" */
	unsigned index;         /* of a worker, from 0 on */
	struct conf *conf;      /* the one in force at the fork */
	struct ssl_ctx_st *tls; /* for workers, the one in force at the fork; otherwise NULL */
	struct handover *handover;   /* for workers, what reloads bring; otherwise NULL */
	struct heartbeat *heartbeat; /* of all processes, by metrics_slot */
	const char *store_url;       /* may hold a password */
	int listen_fd;               /* of a worker or the admin process; otherwise -1 */
	const int *worker_fds;       /* for workers, the sockets of all, by index; otherwise NULL */
	unsigned n_workers;          /* of worker_fds */
	const int *proof_fds; /* of a worker and the recorder (proof_link.h): its ends, by the
				 worker's index; otherwise NULL */
	struct metrics *metrics;
	unsigned metrics_slot;
	bool embedded_store; /* the store ends with the server */
};

/** Runs a child. Returns its exit status. */
typedef int child_main(const struct child_env *env);

#endif
