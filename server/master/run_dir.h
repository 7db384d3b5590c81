/*
 * run_dir.h: the folder of the embedded Redis's socket, for its user alone. It is removed however
 * the master ends: a small process, the janitor, waits until the master's end of a pipe is closed,
 * and removes what is left.
 */
#ifndef MASTER_RUN_DIR_H
#define MASTER_RUN_DIR_H

#include <stddef.h>
#include <sys/types.h>

struct run_dir {
	char path[128];
	char socket[128];
	int lock_fd;    /* locked while the master lives */
	int janitor_fd; /* the master's end of the pipe */
};

/**
 * Makes and locks the folder (mode 0700), or takes over one whose master is dead.
 *
 * @wanted        its path; NULL: a new one in $RUNTIME_DIRECTORY, $XDG_RUNTIME_DIR or /tmp
 * @owner, group  to whom it is given; -1: it stays ours
 *
 * Returns 0; or TG_EIO or TG_EINVAL with err. Then there is nothing to close.
 */
int run_dir_open(
	struct run_dir *d, const char *wanted, uid_t owner, gid_t group, char *err, size_t cap);
/**
 * Starts the janitor. To be called after the privileges are dropped.
 *
 * @forget  called with ctx in the janitor, to free what it has inherited and must not keep
 *
 * Returns 0 or TG_EIO.
 */
int run_dir_guard(struct run_dir *d, void (*forget)(void *ctx), void *ctx);
/** To be called in a child: closes the lock and the pipe, which are the master's. */
void run_dir_forget(struct run_dir *d);
/** Removes the folder, and waits for the janitor, which then ends. */
void run_dir_close(struct run_dir *d);

#endif
