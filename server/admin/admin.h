/* admin.h: the admin plane on evhttp: /healthz (this process runs), /readyz (workers and the store are usable; says what is not), /metrics (Prometheus 0.0.4). */
#ifndef ADMIN_ADMIN_H
#define ADMIN_ADMIN_H
#include <stdbool.h>
#include "base/child.h"
#include "base/jsonw.h"
/** admin_ready_text(m, workers, out): {"ready":…,"reasons":[…]} for /readyz. Returns whether ready. Reads nothing but the metrics. */
bool admin_ready_text(const struct metrics *m, unsigned workers, struct jsonw *out);
int admin_main(const struct child_env *env);
#endif
