/* source.h: what is sealed, or uploaded: a file that is sealed while it is read, or one that is
 * sealed already. Nothing of it is printed. */
#ifndef TG_LIB_SOURCE_H
#define TG_LIB_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <timeglas/timeglas.h>

struct tg_source;

/** Opens a file; "-" is stdin. Returns 0, TG_EIO (errno) or TG_ENOMEM. */
int tg_source_open(const char *path, struct tg_source **out);
/** For reading it in another way than by tg_source_read(). */
int tg_source_fd(const struct tg_source *s);
/**
 * Seals while reading. What o points to outlives s. Without write and ctx the sealed bytes come by
 * tg_source_read(), with them by tg_source_push(). Reference and time of the head are drawn once:
 * what is sealed again after tg_source_rewind() has the same name.
 *
 * @name  out: the name that the blob will have, when it is signed; "" otherwise
 *
 * Returns 0 or what tg_seal_new() does.
 */
int tg_source_seal(struct tg_source *s, const tg_seal_opts *o, char name[TG_NAME_CHARS + 1]);
/** The SHA-256 of all of it, before it is read again for sending. A pipe is first kept in a
 * nameless file. Returns 0 or a TG_E... */
int tg_source_digest(struct tg_source *s, uint8_t sha256[32]);
/** Bytes that tg_source_read() will give; UINT64_MAX when nobody can know (a pipe). */
uint64_t tg_source_size(const struct tg_source *s);
/** For tg_put_opts.read. TG_EIO also when the file changes while it is being read. */
long tg_source_read(void *source, void *p, size_t cap);
/** All of it, sealed, to the write of tg_source_seal(). Returns 0, what write returned, or what
 * tg_source_read() would. */
int tg_source_push(struct tg_source *s);
/** For tg_put_opts.rewind: what follows is as if nothing had been read. Returns 0 or a TG_E... */
int tg_source_rewind(void *source);
/** Can it be read again? Not a pipe. */
bool tg_source_can_rewind(const struct tg_source *s);
/** A sentence for the last failure to read, NULL when there was none. */
const char *tg_source_why(const struct tg_source *s);
void tg_source_free(struct tg_source *s); /* NULL is fine */

#endif
