/*
 * spool.h: a file that becomes visible only when it is good. Until then it has no name, so that
 * neither a crash, nor a signal, nor a failed check leaves anything behind. Where the file system
 * makes no nameless files (O_TMPFILE), the name is removed as soon as the file is open, and the
 * content is copied when it is good.
 */
#ifndef TG_LIB_SPOOL_H
#define TG_LIB_SPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tg_spool;

/**
 * Makes a spool with mode 0600 for the file `target`: in its folder, so that it can be moved there
 * in one step. NULL: for no file; it lies in $TMPDIR and can only be read again. Returns 0, TG_EIO
 * (errno: EISDIR for what is no regular file) or TG_ENOMEM.
 */
int tg_spool_new(const char *target, struct tg_spool **out);
/** Writes for a descriptor instead, which stays the caller's: every byte goes there at once.
 * Returns 0 or TG_ENOMEM. */
int tg_spool_through(int fd, struct tg_spool **out);
/** Is it something that gets bytes as they come: NULL, "-", or a name of what is no regular file (a
 * pipe, /dev/null)? */
bool tg_spool_is_stream(const char *target);
/** A tg_write_fn. Returns 0 or TG_EIO (errno). */
int tg_spool_write(void *spool, const void *p, size_t n);
/** To read what was written, from the start. */
int tg_spool_fd(const struct tg_spool *s);
int tg_spool_rewind(struct tg_spool *s);
uint64_t tg_spool_size(const struct tg_spool *s);
/** It is good: sync, and replace the target by it. Returns 0 or TG_EIO (errno); then the target is
 * what it was. */
int tg_spool_commit(struct tg_spool *s);
/**
 * It is to be kept: sync, and give it the target's name, or that name with .1, .2, …: nothing is
 * overwritten.
 *
 * @name  what it became
 *
 * Returns 0 or TG_EIO (errno).
 */
int tg_spool_keep(struct tg_spool *s, char *name, size_t cap);
/** What was neither committed nor kept is gone. NULL is fine. */
void tg_spool_free(struct tg_spool *s);
/** Tests only: behave as on a file system without O_TMPFILE. */
void tg_spool_without_tmpfile(bool without);

#endif
