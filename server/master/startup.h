/* startup.h: brings the server up, from the configuration to the line that says that it is ready.
 * For master.c. */
#ifndef MASTER_STARTUP_H
#define MASTER_STARTUP_H

#include "conf/conf.h"
#include "master/master_int.h"

/**
 * Opens and checks all that the server needs, becomes its user, and fills in m->children; no child
 * is started but the one that removes the run folder. m: zeroed but for conf, what
 * stands in struct master_opts, target_fd and log_fd.
 *
 * Returns 0, or -1: the log, or standard error, says why. What was opened is the caller's to free
 * in both cases.
 */
int startup_prepare(struct master *m);
/** Starts every child, and waits for the embedded Redis, five seconds at most, before it starts
 * those that connect to it. */
void startup_start_children(struct master *m);
/** For the state STARTING: returns MASTER_EV_READY, MASTER_EV_START_FAILED, the reason being
 * logged, or MASTER_EV_NONE while something is not ready yet. */
enum master_event startup_poll(struct master *m);
/** For the state STARTING: a child has ended. Returns MASTER_EV_START_FAILED, the reason being
 * logged, when it has done so too often, otherwise MASTER_EV_NONE. */
enum master_event startup_child_ended(struct master *m, const struct child *c);
/** Tells everybody who waits for it that the server is ready: the log, systemd, and with --dev
 * standard output. */
void startup_announce(struct master *m);
/** Logs each line that conf_load() said of a configuration that it took; "": none. */
void startup_log_doubts(const char *lines);

#endif
