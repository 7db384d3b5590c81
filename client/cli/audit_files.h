/*
 * audit_files.h: files of evidence, sorted into chains: by the key that signed their first line, by
 * numbers, and by the hash with which each names the line before its first. It believes nothing: a
 * file that fits nowhere is put where it fits best, and the checks of lines find what is wrong.
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
 * audit_files_sort(paths, n, out, chains): the files in the order in which they are to be read,
 * those of a chain side by side. out: n of them. Returns 0 or EXIT_USAGE (a file cannot be read, is
 * compressed, is no evidence file, or was given twice; said).
 */
int audit_files_sort(const char *const *paths, size_t n, struct audit_file *out, size_t *chains);

#endif
