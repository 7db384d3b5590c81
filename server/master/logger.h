/*
 * logger.h: the process that writes the log. All others write their lines into one pipe, which
 * never blocks them. So a log that takes nothing (a full pipe, a stopped terminal, a disk that
 * hangs) stops this process and no other. Lines that do not fit into the pipe meanwhile are dropped
 * and counted; as soon as the log takes lines again, one says how many are missing.
 */
#ifndef MASTER_LOGGER_H
#define MASTER_LOGGER_H

#include <stdbool.h>
#include <sys/types.h>
#include "base/child.h"

/** Opens or creates a file to which lines are appended. Returns the descriptor, which the caller
 * closes, or -1 with errno. It does not wait: a FIFO without a reader is refused, with ENXIO. */
int logger_open_file(const char *path);
/** Makes the pipe to a logger that will write to target, and keeps both ends and target. To be
 * called once, by the master. Returns the end for log_init(), or -1 with errno. */
int logger_open(int target);
/** To be called in a child: closes what it does not need of pipe and target. */
void logger_in_child(bool is_logger);
/** Writes lines until every other process has closed its end of the pipe; SIGTERM is ignored. At
 * SIGHUP it opens the file of the configuration again, for a rotation. */
int logger_main(const struct child_env *env);
/** To be called by the last process that logs, the master: closes its end and waits until the
 * logger has written everything and ended, a second at most; then the logger is killed. pid 0: none
 * runs. */
void logger_finish(pid_t pid);

#endif
