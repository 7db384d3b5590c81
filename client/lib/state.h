/*
 * state.h: the folder in which the library keeps what must outlive a process: which references were
 * received, and which sealed copies are kept.
 */
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
 * Opens the folder, and makes it with mode 0700 where it is missing. It must be this user's, and
 * nobody else may write there.
 *
 * @dir  out: a descriptor, which the caller closes; -1 on failure
 * @why  out, on failure: a sentence, cut to cap bytes
 *
 * Returns 0 or TG_EIO.
 */
int tg_state_open(int *dir, char *why, size_t cap);

/** The same for a folder that exists already; makes none and says nothing. Returns 0 or TG_EIO. */
int tg_state_find(int *dir);

/**
 * Waits for the folder's lock, the file `lock`, which every process takes that changes something in
 * the folder. The wait ends after 10 s.
 *
 * Returns a descriptor for tg_state_unlock(), or TG_EIO (errno; ETIMEDOUT).
 */
int tg_state_lock(int dir);

/** Gives the lock back. A negative one is fine. */
void tg_state_unlock(int lock);

#endif
