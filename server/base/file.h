/* file.h: whole small files that a configuration names, read without ever waiting for them. */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <stddef.h>
#include <stdio.h>

struct file_bytes {
	unsigned char *b; /* overwritten when it is freed: it may be a key */
	size_t n;
};

/**
 * file_open(path, why, cap): for reading, a file and nothing else: opening a FIFO, or reading a
 * terminal, could take for ever. NULL: why says what is wrong with path, and what to do.
 */
FILE *file_open(const char *path, char *why, size_t cap);
/** file_read(path, max, out, why, cap): all of it, max bytes at most. 0, TG_EIO, TG_ETOOBIG or
 * TG_ENOMEM, with why; file_free(out) also then. */
int file_read(const char *path, size_t max, struct file_bytes *out, char *why, size_t cap);
void file_free(struct file_bytes *f);

#endif
