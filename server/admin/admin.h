/* admin.h: the admin plane's process: /healthz (this process runs), /readyz (the server is ready,
 * or why it is not: ready.h), /metrics (Prometheus 0.0.4). */
#ifndef ADMIN_ADMIN_H
#define ADMIN_ADMIN_H

#include "base/child.h"

/** Runs the process until SIGTERM. Returns its exit status. */
int admin_main(const struct child_env *env);

#endif
