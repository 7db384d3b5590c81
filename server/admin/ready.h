/* ready.h: is the server ready, and if not, why: the document at /readyz. It reads the metrics and
 * the scoreboard, and asks nobody. */
#ifndef ADMIN_READY_H
#define ADMIN_READY_H

#include <stdbool.h>

#include "base/jsonw.h"
#include "base/metrics.h"

/**
 * Writes {"ready":…,"reasons":[…],"store":…,"evidence":…}; reasons are sentences for an operator.
 *
 * @workers     how many there should be
 * @vouched_by  of the configuration: who attests a store that cannot be asked; may be NULL
 * @max_lag_s   evidence that is later than that is a reason
 * @out         empty at first
 *
 * Returns whether it is ready.
 */
bool ready_text(const struct metrics *m, unsigned workers, const char *vouched_by,
	unsigned max_lag_s, struct jsonw *out);

#endif
