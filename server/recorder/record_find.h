/*
 * record_find.h: finds the line of an event in the evidence file and in the rotated ones that are
 * still there. The ids of a shard grow from line to line, so files are halved until it is found.
 */
#ifndef RECORDER_RECORD_FIND_H
#define RECORDER_RECORD_FIND_H

#include <stddef.h>
#include <stdint.h>

#include "core/chain.h"

/**
 * @path        of the evidence file
 * @shard, pos  of the event
 * @line        takes the line without its LF, *n bytes
 * @number      set to the line's number
 *
 * Returns 0; TG_ENOENT: it is not there; TG_EIO (errno).
 */
int record_find(const char *path, unsigned shard, const struct chain_pos *pos,
	char line[CHAIN_LINE_MAX], size_t *n, uint64_t *number);

#endif
