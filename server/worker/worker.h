/* worker.h: a process that serves clients: it listens, speaks TLS and HTTP, and has one connection
 * to the store. */
#ifndef WORKER_WORKER_H
#define WORKER_WORKER_H

#include "base/child.h"

/** Runs until its last request is finished, after SIGTERM, as base/child.h tells. Returns the exit
 * status. */
int worker_main(const struct child_env *env);

#endif
