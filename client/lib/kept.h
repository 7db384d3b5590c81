/*
 * kept.h: the list of sealed copies that failed fetches leave behind. They are evidence, too, and
 * none may outlast what the buffer was allowed to hold. So each is listed in the folder of state.h,
 * and every later use of the library removes those whose time is over.
 */
#ifndef TG_LIB_KEPT_H
#define TG_LIB_KEPT_H

#include <stdint.h>
#include <sys/stat.h>

/**
 * Lists a copy. It need not have its name yet; a line whose file never came does no harm.
 *
 * @path      of the copy; its folder exists
 * @st        of the copy: device, inode and time of modification tell it from any other file
 * @until_ms  Unix time at which it is to be removed
 *
 * Returns 0, or TG_EIO (errno): then nobody but the user will remove it.
 */
int tg_kept_add(const char *path, const struct stat *st, int64_t until_ms);

/** tg_kept_sweep() of timeglas.h at the Unix time now_ms. Returns how many copies it removed. */
int tg_kept_sweep_at(int64_t now_ms);

#endif
