/* reload.h: SIGHUP: reads the configuration, certificates and keys again. For master.c. */
#ifndef MASTER_RELOAD_H
#define MASTER_RELOAD_H

#include "master/master_int.h"

/**
 * Reads and checks everything, and only then tells every process to take it over, so nothing has
 * changed when anything is wrong. The logger opens its file again in both cases. Tells systemd and
 * the log.
 */
void reload_run(struct master *m);

#endif
