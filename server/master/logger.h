/*
 * logger.h: the process that writes the log. All others hand their lines over through one pipe that
 * never blocks them, so whoever does not read the log (a full pipe, a stopped terminal, a disk that
 * hangs) holds up this process and nobody else. What does not fit into the pipe meanwhile is
 * dropped and counted; once the log moves again, a line says how many were.
 */
#ifndef MASTER_LOGGER_H
#define MASTER_LOGGER_H

#include <stdbool.h>
#include <sys/types.h>
#include "base/child.h"

/** logger_open_file(path): where lines are appended to; -1 with errno. Never waits, not even for
 * the reader of a FIFO. */
int logger_open_file(const char *path);
/** logger_open(target): make the pipe to a logger that will write to target. Returns the end that
 * log_init() takes, or -1 with errno. */
int logger_open(int target);
/** logger_in_child(is_logger): after a fork: keep what that process needs of the pipe and the
 * target. */
void logger_in_child(bool is_logger);
/** logger_main(env): until every other process has closed its end. SIGHUP: opens the file anew, for
 * whoever rotates it. */
int logger_main(const struct child_env *env);
/** logger_finish(pid): the caller was the last who logged: wait until everything is written, but at
 * most a second. pid 0: there is none. */
void logger_finish(pid_t pid);

#endif
