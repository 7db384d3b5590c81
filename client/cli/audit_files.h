/*
 * audit_files.h: sorts files of evidence into chains: by the key that signed their first line, by
 * the numbers of lines, and by the hash that a first line has of the line before it. A file that
 * fits nowhere is put where it fits best; the checks of lines then find what is wrong.
 * docs/evidence.md.
 */
#ifndef CLI_AUDIT_FILES_H
#define CLI_AUDIT_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include "core/chain.h"

struct audit_file {
	const char *path;
	uint64_t size;
	dev_t dev;
	ino_t ino;
	bool begins;              /* its first line is a checkpoint */
	uint64_t first_n, last_n; /* 0: not read */
	int64_t first_ms;
	uint8_t key[CHAIN_KEY], prev[CHAIN_HASH];    /* of its first line */
	uint8_t first[CHAIN_HASH], last[CHAIN_HASH]; /* hashes of its first and last line */
	size_t chain;                                /* 0, 1, … */
};

/**
 * Looks at files and sorts them. Folders of tiles (NAME.tiles) are passed over.
 *
 * @paths   n_paths of them, borrowed by out
 * @n_out   out: how many are files
 * @out     room for n_paths, of which n_out are filled in, in the order in which they are to be
 * read, those of a chain side by side
 * @chains  out: how many chains there are
 *
 * Returns 0, or EXIT_USAGE after having said what is wrong: a file cannot be read, is compressed,
 * is no evidence file, or was given twice.
 */
int audit_files_sort(const char *const *paths, size_t n_paths, struct audit_file *out,
	size_t *n_out, size_t *chains);

/** Hashes the first line of a file. Returns false when it cannot be read, or does not begin with a
 * checkpoint. */
bool audit_files_first(const char *path, uint8_t out[CHAIN_HASH]);

#endif
