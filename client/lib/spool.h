/*
 * spool.h: a file that becomes visible only when it is good. Until then it has no name, so a crash,
 * a signal or a failed check leaves nothing behind. Where the file system makes no nameless files
 * (O_TMPFILE), the name is removed as soon as the file is open, and the content is copied when it
 * is good.
 */
#ifndef TG_LIB_SPOOL_H
#define TG_LIB_SPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

struct tg_spool;

/* Told the file's device, inode and time, and the name that it is about to get. */
typedef void tg_spool_named_fn(void *ctx, const struct stat *st, const char *name);

/**
 * Makes a spool with mode 0600.
 *
 * @target  the file to be: the spool lies in its folder, so that it can take the name in one step.
 *          NULL: the spool lies in $TMPDIR, gets no name and can only be read again
 *
 * Returns 0, TG_EIO (errno; EISDIR when target is not a regular file) or TG_ENOMEM.
 */
int tg_spool_new(const char *target, struct tg_spool **out);

/** Makes a spool that writes every byte to fd at once. fd stays the caller's. Returns 0 or
 * TG_ENOMEM. */
int tg_spool_through(int fd, struct tg_spool **out);

/** Returns true for a target that gets bytes as they come: NULL, "-", or the name of something that
 * is not a regular file (a pipe, /dev/null). */
bool tg_spool_is_stream(const char *target);

/** Writes all n bytes; a tg_write_fn. Returns 0 or TG_EIO (errno). */
int tg_spool_write(void *spool, const void *p, size_t n);

/** Returns the descriptor, for reading what was written. It stays the spool's. */
int tg_spool_fd(const struct tg_spool *s);

/** Reading and writing go on at the first byte. Returns 0 or TG_EIO (errno). */
int tg_spool_rewind(struct tg_spool *s);

/** Returns how many bytes were written. */
uint64_t tg_spool_size(const struct tg_spool *s);

/** Syncs the content and replaces the target by it. Returns 0, or TG_EIO (errno): then the target
 * is what it was. */
int tg_spool_commit(struct tg_spool *s);

/**
 * Syncs the content and gives it the target's name, or that name with .1, .2, …: nothing is
 * overwritten.
 *
 * @name    out: the name that it got, cut to cap bytes
 * @before  called before it gets a name, with signals blocked; again with the next name when
 *          another process was faster
 *
 * Returns 0 or TG_EIO (errno).
 */
int tg_spool_keep(struct tg_spool *s, char *name, size_t cap, tg_spool_named_fn *before, void *ctx);

/** Frees the spool. Content that was neither committed nor kept is gone. NULL is fine. */
void tg_spool_free(struct tg_spool *s);

/** For tests only: behave as on a file system without O_TMPFILE. */
void tg_spool_without_tmpfile(bool without);

#endif
