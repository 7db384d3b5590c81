/*
 * tail.h: reads the end of an evidence file: how far the chain goes, and how much of the file is
 * whole lines. It also finds, names and removes rotated files. It changes no other file.
 */
#ifndef RECORDER_TAIL_H
#define RECORDER_TAIL_H

#include <stdbool.h>
#include <stddef.h>

#include "recorder/evidence_mark.h"

/* What a checkpoint says of the tree before it. */
struct tail_tree {
	uint64_t size; /* leaves: lines before the checkpoint's */
	uint8_t root[CHAIN_ROOT];
	char origin[CHAIN_ORIGIN_MAX + 1]; /* "": nothing, an older program wrote it */
};

struct tail {
	struct evidence_mark mark;
	uint64_t whole_bytes;     /* the file up to its last LF */
	uint64_t torn_bytes;      /* after that LF: a line that was not written to its end */
	uint64_t head_n;          /* number of the last checkpoint's line */
	uint8_t head[CHAIN_HASH]; /* and its hash */
	uint64_t head_at;         /* where it begins in the file */
	struct tail_tree head_tree;
	uint64_t first_n; /* number of the first line */
	int64_t first_ms; /* and its time */
	struct tail_tree first_tree;
};

/**
 * Reads the lines from the last checkpoint on: each must follow from the one before it. Of what is
 * before that checkpoint only the first line is read.
 *
 * @fd  open for reading; stays the caller's
 *
 * Returns 0, with mark.n 0 for a file without a whole line; TG_EINVAL when the lines are no chain's
 * end; or TG_EIO (errno).
 */
int tail_read(int fd, struct tail *out);
/** Writes the name of path's newest rotated file into out. Returns false when there is none. */
bool tail_newest(const char *path, char *out, size_t cap);
/** The same of the newest rotated file whose first line's number is smaller than before, and sets
 * *first_n to that number. */
bool tail_older(const char *path, uint64_t before, char *out, size_t cap, uint64_t *first_n);
/** Sets *first to the numbers of the first lines of path's rotated files, in order, for free().
 * Returns how many there are; 0 also without memory. */
size_t tail_all_rotated(const char *path, uint64_t **first);
/** Writes the name that path gets when it is rotated into out: path, a dot, and its first line's
 * number. Returns 0, or TG_EINVAL when that does not fit. */
int tail_rotated(const char *path, uint64_t first_n, char *out, size_t cap);
/** Writes the name of the folder in which path stands into out; cut off where it is longer than
 * cap - 1. */
void tail_folder(const char *path, char *out, size_t cap);
/** Removes rotated files that were last written more than keep_days ago; 0: none. Returns how many.
 */
unsigned tail_expire(const char *path, unsigned keep_days);

#endif
