/* tail.h: reads the end of an evidence file: where the chain stands, and how much of the file is
 * whole. Reads only. */
#ifndef RECORDER_TAIL_H
#define RECORDER_TAIL_H

#include "recorder/ledger.h"

struct tail {
	struct ledger_mark mark;
	uint64_t whole_bytes; /* the file up to its last whole line */
	uint64_t torn_bytes;  /* behind it: a line that was not written to its end */
	uint64_t head_n;      /* the last checkpoint's line */
	uint8_t head[CHAIN_HASH];
	uint64_t first_n; /* the first line's number and time */
	int64_t first_ms;
};

/**
 * tail_read(fd, out): from the last checkpoint on, each line must follow from the one before it;
 * before that, only the first line is looked at. Returns 0 (an empty file, or one with nothing but
 * a torn line: mark.n 0), TG_EINVAL when what is there is no chain's end, TG_EIO (errno).
 */
int tail_read(int fd, struct tail *out);
/** tail_newest(path, out, cap): the newest rotated file of path. false: there is none. */
bool tail_newest(const char *path, char *out, size_t cap);
/** tail_older(path, before, out, cap, first_n): the newest whose first line's number is smaller
 * than before. */
bool tail_older(const char *path, uint64_t before, char *out, size_t cap, uint64_t *first_n);
/** tail_rotated(path, first_n, out, cap): the name of a file that was rotated. */
int tail_rotated(const char *path, uint64_t first_n, char *out, size_t cap);
/** tail_expire(path, keep_days): remove rotated files that were last written longer ago. Returns
 * how many. */
unsigned tail_expire(const char *path, unsigned keep_days);

#endif
