/* admin.h: the admin plane's process: /healthz (this process runs), /readyz (workers and the store
 * are usable; says what is not), /metrics (Prometheus 0.0.4). */
#ifndef ADMIN_ADMIN_H
#define ADMIN_ADMIN_H
#include <stdbool.h>
#include "base/child.h"
#include "base/jsonw.h"
/**
 * admin_ready_text(m, workers, vouched_by, max_lag_s, out):
 * {"ready":…,"reasons":[…],"store":…,"evidence":…} for /readyz; store: whether it is attested, and
 * by whom. Returns whether ready. Reads the metrics, the scoreboard and what the recorder shares.
 * vouched_by: of the configuration; may be NULL.
 */
bool admin_ready_text(const struct metrics *m, unsigned workers, const char *vouched_by,
	unsigned max_lag_s, struct jsonw *out);
int admin_main(const struct child_env *env);
#endif
