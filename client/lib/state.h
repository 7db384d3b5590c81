/* state.h: the folder in which the library keeps what must outlive a process: received references,
 * and which sealed copies it keeps. */
#ifndef TG_LIB_STATE_H
#define TG_LIB_STATE_H

#include <stddef.h>

#define TG_STATE_PATH 3072 /* bytes of the folder's path, with its NUL */

/**
 * Names the folder: $XDG_STATE_HOME/timeglas, or ~/.local/state/timeglas. It need not exist.
 * Returns 0, or TG_EIO when neither variable holds an absolute path (errno says ENOENT or
 * ENAMETOOLONG).
 */
int tg_state_path(char out[TG_STATE_PATH]);
/**
 * Opens the folder, made with mode 0700 where it is missing. *fd: the caller closes it.
 * Returns 0 or TG_EIO, with a sentence in why.
 */
int tg_state_open(int *fd, char *why, size_t cap);
/**
 * Waits for the folder's lock, which every process that changes something in it takes: the file
 * `lock`. It is held for milliseconds, so the wait ends after 10 s. Returns a descriptor for
 * tg_state_unlock(), or TG_EIO (errno; ETIMEDOUT).
 */
int tg_state_lock(int dir);
void tg_state_unlock(int lock); /* a negative one is fine */

#endif
