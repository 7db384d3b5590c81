/* file.h: small files that a configuration names. Opening and reading never wait. */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <stddef.h>
#include <stdio.h>

struct file_bytes {
	unsigned char *b; /* freed by file_free() */
	size_t n;
};

/** Opens a regular file for reading. Anything else is refused: a FIFO or a terminal could be waited
 * for for ever. NULL: why receives "what is wrong; what to do". */
FILE *file_open(const char *path, char *why, size_t cap);
/**
 * Reads a whole file.
 *
 * @max  bytes; a larger file is refused
 * @out  to be freed by file_free(), also on failure
 *
 * Returns 0; or TG_EIO, TG_ETOOBIG or TG_ENOMEM, with why as above.
 */
int file_read(const char *path, size_t max, struct file_bytes *out, char *why, size_t cap);
/** Overwrites and frees the bytes, which may be a key. Harmless when there are none. */
void file_free(struct file_bytes *f);

#endif
