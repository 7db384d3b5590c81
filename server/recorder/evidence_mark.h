/* evidence_mark.h: how far a chain of evidence has come. */
#ifndef RECORDER_EVIDENCE_MARK_H
#define RECORDER_EVIDENCE_MARK_H

#include <stdint.h>

#include "core/chain.h"

struct evidence_mark {
	uint64_t n;               /* number of the last line; 0: there is no line yet */
	uint8_t hash[CHAIN_HASH]; /* of the last line */
	/* by shard: the last event that is recorded */
	struct chain_pos pos[CHAIN_SHARDS];
	char epoch[CHAIN_EPOCH + 1]; /* of the store to which the positions belong */
	uint64_t unsigned_lines;     /* since the last checkpoint */
};

#endif
