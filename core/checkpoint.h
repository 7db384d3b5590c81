/*
 * checkpoint.h: the text of a log's checkpoint (C2SP tlog-checkpoint), which is signed as a note:
 * whose log, how many lines, and the root of the tree over them.
 */
#ifndef TG_CORE_CHECKPOINT_H
#define TG_CORE_CHECKPOINT_H

#include <stddef.h>
#include <stdint.h>
#include "core/note.h"
#include "core/tree.h"

/* origin, 20 digits, 44 characters, three LF and the NUL */
#define CHECKPOINT_TEXT_MAX (NOTE_NAME_MAX + 20 + 44 + 3 + 1)

struct checkpoint {
	char origin[NOTE_NAME_MAX + 1]; /* names the log; also the name of its key */
	uint64_t size;                  /* leaves */
	uint8_t root[TREE_HASH];
};

/** Writes the text. Returns its length without the NUL. */
size_t checkpoint_text(const struct checkpoint *c, char out[CHECKPOINT_TEXT_MAX]);

/** Reads a text of n bytes; further lines behind the three are passed over. Returns 0, or
 * TG_EINVAL, also for an origin longer than ours. */
int checkpoint_scan(const char *p, size_t n, struct checkpoint *out);

#endif
