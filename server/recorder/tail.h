/*
 * tail.h: reads the end of an evidence file: how far the chain goes, and how much of the file is
 * whole lines. Finds the files that were rotated away. It changes no file, but for tail_expire().
 */
#ifndef RECORDER_TAIL_H
#define RECORDER_TAIL_H

#include <stdbool.h>
#include <stddef.h>

#include "recorder/evidence_mark.h"

struct tail {
	struct evidence_mark mark;
	uint64_t whole_bytes;     /* the file up to its last LF */
	uint64_t torn_bytes;      /* behind it: a line that was not written to its end */
	uint64_t head_n;          /* number of the last checkpoint's line */
	uint8_t head[CHAIN_HASH]; /* and its hash */
	uint64_t first_n;         /* number of the first line */
	int64_t first_ms;         /* and its time */
};

/**
 * Reads the lines from the last checkpoint on: each must follow from the one before it. Of what is
 * before that checkpoint only the first line is read.
 *
 * Returns 0; for a file without a whole line mark.n is 0. TG_EINVAL: this is no chain's end. TG_EIO
 * (errno).
 */
int tail_read(int fd, struct tail *out);
/** Finds the newest rotated file of path. Returns false when there is none. */
bool tail_newest(const char *path, char *out, size_t cap);
/** Finds the newest rotated file whose first line's number is smaller than before, and fills in
 * that number. Returns false when there is none. */
bool tail_older(const char *path, uint64_t before, char *out, size_t cap, uint64_t *first_n);
/** Names a rotated file: path, a dot, and its first line's number. Returns 0, or TG_EINVAL when
 * that is longer than cap. */
int tail_rotated(const char *path, uint64_t first_n, char *out, size_t cap);
/** Writes the name of the folder in which path stands into out; cut off where it is longer than
 * cap - 1. */
void tail_folder(const char *path, char *out, size_t cap);
/** Removes rotated files that were last written more than keep_days ago; 0: none. Returns how many.
 */
unsigned tail_expire(const char *path, unsigned keep_days);

#endif
