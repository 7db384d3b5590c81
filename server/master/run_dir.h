/*
 * run_dir.h: the private folder of the embedded Redis's socket, and its removal however the master
 * ends: by a janitor, a small process that waits for the master's end of a pipe to close and then
 * removes what is left.
 */
#ifndef MASTER_RUN_DIR_H
#define MASTER_RUN_DIR_H

#include <stddef.h>
#include <sys/types.h>

struct run_dir {
	char path[128];
	char socket[128];
	int lock_fd, janitor_fd;
};

/**
 * run_dir_open(d, wanted, owner, group, err, cap): make the folder (0700), or take over a dead
 * master's. wanted NULL: a fresh one below $RUNTIME_DIRECTORY, $XDG_RUNTIME_DIR or /tmp. owner -1:
 * whoever we are. Returns 0, TG_EIO or TG_EINVAL with err.
 */
int run_dir_open(
	struct run_dir *d, const char *wanted, uid_t owner, gid_t group, char *err, size_t cap);
/**
 * run_dir_guard(d, forget, ctx): start the janitor, after privileges are dropped; forget(ctx) is
 * called in it first: what it inherits and must not have. 0 or TG_EIO.
 */
int run_dir_guard(struct run_dir *d, void (*forget)(void *ctx), void *ctx);
/** run_dir_forget(d): in a child: let go of lock and janitor. */
void run_dir_forget(struct run_dir *d);
/** run_dir_close(d): remove it now; the janitor then has nothing to do and is waited for. */
void run_dir_close(struct run_dir *d);

#endif
