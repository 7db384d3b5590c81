/* chain_end.h: where the chain of an evidence file ends, when the file is opened. */
#ifndef RECORDER_CHAIN_END_H
#define RECORDER_CHAIN_END_H

#include <stdint.h>

#include "recorder/evidence_mark.h"
#include "recorder/evidence_tree.h"

struct chain_end {
	struct evidence_mark mark;
	char origin[CHAIN_ORIGIN_MAX + 1]; /* of the log; "": no line names it */
	uint64_t whole_bytes;              /* of the file; what stood behind them was cut off */
	uint64_t first_n;                  /* number of the file's first line; 0: it has none */
	int64_t first_ms;                  /* and its time */
};

/**
 * Finds the end in a file, or in the newest rotated one when the file is empty, and opens the tree
 * there. It cuts off a last line that was not written whole. When there is no line anywhere, a
 * chain begins.
 *
 * @fd     of the file at path, for reading and writing; stays the caller's
 * @known  how far the chain went when the file was closed; n 0: not known
 * @tree   may be open with as many leaves as known has lines
 *
 * Returns 0; TG_EINVAL: the end is not what a recorder writes, or is behind what is known;
 * TG_ENOENT: the tree is lost; TG_EIO (errno); TG_ENOMEM.
 */
int chain_end_find(int fd, const char *path, const struct evidence_mark *known,
	struct evidence_tree *tree, struct chain_end *out);

#endif
