/* ready.h: the document at /readyz, which says whether the server is ready and, if not, why. It
 * reads the metrics and the scoreboard, and asks no other process. */
#ifndef ADMIN_READY_H
#define ADMIN_READY_H

#include <stdbool.h>

#include "base/jsonw.h"
#include "base/metrics.h"
#include "conf/conf.h"

/**
 * Writes an object with "ready", "reasons" (sentences for an operator), "store", "wiped" and
 * "evidence".
 *
 * @m        the metrics of all processes
 * @workers  how many workers there should be
 * @conf     who vouches for the store, whether it must wipe, and how late evidence may be
 * @out      empty at first
 *
 * Returns whether it is ready.
 */
bool ready_text(
	const struct metrics *m, unsigned workers, const struct conf *conf, struct jsonw *out);

#endif
