/* ready.h: the document at /readyz, which says whether the server is ready and, if not, why. It
 * reads the metrics and the scoreboard, and asks no other process. */
#ifndef ADMIN_READY_H
#define ADMIN_READY_H

#include <stdbool.h>

#include "base/jsonw.h"
#include "base/metrics.h"

/**
 * Writes {"ready":…,"reasons":[…],"store":…,"evidence":…}; reasons are sentences for an operator.
 *
 * @m           the metrics of all processes
 * @workers     how many workers there should be
 * @vouched_by  store_attested_by of the configuration; may be NULL
 * @max_lag_s   audit_max_lag_s of the configuration: evidence that is later is a reason
 * @out         empty at first
 *
 * Returns whether it is ready.
 */
bool ready_text(const struct metrics *m, unsigned workers, const char *vouched_by,
	unsigned max_lag_s, struct jsonw *out);

#endif
