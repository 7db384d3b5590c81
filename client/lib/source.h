/* source.h: the content of an upload: a file that is sealed while it is read, or one that is sealed
 * already. Not installed. */
#ifndef TG_LIB_SOURCE_H
#define TG_LIB_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <timeglas/timeglas.h>

struct tg_source;

/** Opens a file; "-" is standard input. Free with tg_source_free(). Returns 0, TG_EIO (errno) or
 * TG_ENOMEM. */
int tg_source_open(const char *path, struct tg_source **out);

/** Returns the descriptor, for reading the file itself. It stays the source's. */
int tg_source_fd(const struct tg_source *s);

/**
 * Seals the file while it is read. Reference and time of the head are drawn once, so what is sealed
 * again after tg_source_rewind() has the same name.
 *
 * @o     what it points to must outlive s. Without a write the sealed bytes come by
 *        tg_source_read(), with one by tg_source_push()
 * @name  out: the name that the blob will have; "" when it is not signed
 *
 * Returns 0 or what tg_seal_new() returns.
 */
int tg_source_seal(struct tg_source *s, const tg_seal_opts *o, char name[TG_NAME_CHARS + 1]);

/** Hashes the whole file, which must be sealed already, and goes back to its start. A pipe is kept
 * in a nameless file for that. Returns 0 or a TG_E… code. */
int tg_source_digest(struct tg_source *s, uint8_t sha256[32]);

/** Returns how many bytes tg_source_read() will give; UINT64_MAX when that cannot be known (a
 * pipe).
 */
uint64_t tg_source_size(const struct tg_source *s);

/** Gives up to cap bytes, sealed: tg_put_opts.read. Returns how many, 0 at the end, or a negative
 * TG_E… code; TG_EIO also when the file changes while it is read. */
long tg_source_read(void *source, void *p, size_t cap);

/** Gives everything, sealed, to the write of tg_source_seal(). Returns 0, what write returned, or
 * what tg_source_read() would return. */
int tg_source_push(struct tg_source *s);

/** Goes back to the start: tg_put_opts.rewind. Returns 0 or a TG_E… code. */
int tg_source_rewind(void *source);

/** Returns whether tg_source_rewind() can work; for a pipe it cannot. */
bool tg_source_can_rewind(const struct tg_source *s);

/** Returns a sentence about the last failure to read, or NULL. */
const char *tg_source_why(const struct tg_source *s);

/** Closes the file and frees the source. NULL is fine. */
void tg_source_free(struct tg_source *s);

#endif
