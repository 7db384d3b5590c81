/* admin.h: the admin plane on evhttp: /healthz (this process runs), /readyz (workers and the store are usable; says what is not), /metrics (Prometheus 0.0.4). */
#ifndef ADMIN_ADMIN_H
#define ADMIN_ADMIN_H
#include "base/child.h"
int admin_main(const struct child_env *env);
#endif
