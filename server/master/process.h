/*
 * process.h: what the system shows of a process: the title that ps and top print, and whether
 * somebody has stopped it.
 */
#ifndef MASTER_PROCESS_H
#define MASTER_PROCESS_H

#include <stdbool.h>
#include <sys/types.h>

/**
 * Says where this process's title may be written. To be called once, before anything forks.
 *
 * @argv  the arguments of main(), which a title overwrites; not copied, so they must stay
 */
void process_title_init(char *const *argv);
/** Shows "timeglasd: NAME" as the title of this process and "tg-NAME" as its short name. A title
 * that does not fit is cut; without process_title_init() the short name alone is set. */
void process_title(const char *name);
/** Returns whether a signal or a debugger has stopped the process. false: it runs, or is gone. */
bool process_is_stopped(pid_t pid);

#endif
