/*
 * spool.h: a file that becomes visible only when it is good. Until then it has no name (O_TMPFILE), so that neither a crash nor
 * a failed check leaves anything behind.
 */
#ifndef CLI_SPOOL_H
#define CLI_SPOOL_H

#include <stddef.h>
#include <stdint.h>

struct spool;

/**
 * spool_new(target, out): where target will be: beside it, so that it can be moved there in one step. NULL, "-" or something that
 * is no regular file (a pipe, /dev/null): in $TMPDIR, copied on commit. Mode 0600. Returns 0, TG_EIO (errno says why) or TG_ENOMEM.
 */
int spool_new(const char *target, struct spool **out);
/**
 * spool_through(target, out): the same for what is good as it comes: a target that is no regular file gets every byte at once. One that is
 * still appears whole, or not at all.
 */
int spool_through(const char *target, struct spool **out);
/** spool_write(s, p, n): a tg_write_fn. Returns 0 or TG_EIO (errno). */
int spool_write(void *s, const void *p, size_t n);
/** spool_copy(s, write, ctx): everything written so far, from the start. Returns 0, TG_EIO or what write returned. */
int spool_copy(struct spool *s, int (*write)(void *ctx, const void *p, size_t n), void *ctx);
/** spool_fd(s), spool_rewind(s): read what was written, from the start. */
int spool_fd(const struct spool *s);
int spool_rewind(struct spool *s);
uint64_t spool_size(const struct spool *s);
/** spool_commit(s): it is good: sync, and replace the target by it, or copy it to stdout. Returns 0 or TG_EIO (errno). */
int spool_commit(struct spool *s);
/** spool_keep(s, name, cap): sync, and give it the target's name, or that name with .1, .2, … : nothing is overwritten. name: what it became. */
int spool_keep(struct spool *s, char *name, size_t cap);
/** spool_free(s): what was neither committed nor kept is gone. NULL is fine. */
void spool_free(struct spool *s);

#endif
