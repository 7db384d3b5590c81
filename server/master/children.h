/*
 * children.h: the child processes of one server: which there are, and how the master reaches those
 * of a kind. All calls are the master's.
 */
#ifndef MASTER_CHILDREN_H
#define MASTER_CHILDREN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <openssl/ssl.h>
#include "conf/conf.h"
#include "master/sockets.h"
#include "master/supervise.h"

/* workers, and one each of logger, embedded Redis, reaper, admin process, recorder and courier */
#define CHILDREN_MAX (CONF_WORKERS_MAX + 6)

struct children {
	struct child child[CHILDREN_MAX];
	size_t n;
	struct supervise_hooks hooks;
	uint64_t checked_us; /* when their heartbeats were last checked */
};

/**
 * Adds every process that this server has, in the order in which they are to start; none is
 * started.
 *
 * @common   what all of them get: copied, what it points to is not. Its handover and tls reach
 *           workers alone; name, index, listen_fd, worker_fds and metrics_slot are set here.
 *           Where it says embedded_store, a CHILD_STORE is added.
 * @sockets  as opened; worker processes keep a pointer into it
 */
void children_add(
	struct children *cs, const struct child_env *common, const struct sockets *sockets);
/** Returns the pid of the first process of a kind; 0: none runs. */
pid_t children_pid(const struct children *cs, enum child_kind kind);
/** Returns whether a process of a kind runs. */
bool children_any(const struct children *cs, enum child_kind kind);
/** Sends a signal to every running process of a kind. */
void children_signal(const struct children *cs, enum child_kind kind, int sig);
/** Returns the child with that pid, or NULL. */
struct child *children_find(struct children *cs, pid_t pid);
/** Returns whether every process but the courier runs, and workers and reaper have their store
 * connection. */
bool children_ready(const struct children *cs);
/** Sends SIGTERM to each worker that has a store connection and has not got the signal yet, so that
 * it refuses uploads. Without a connection a worker may not be able to take the signal: call it
 * again. Also for workers that have replaced others meanwhile. */
void children_drain_workers(struct children *cs);
/** Gives up all planned restarts. */
void children_cancel_restarts(struct children *cs);
/** Sets what processes that are forked from now on are to use; neither is owned. */
void children_set_conf(struct children *cs, struct conf *conf, SSL_CTX *tls);

#endif
