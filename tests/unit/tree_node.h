/* tree_node.h: a node of the tree by the words of RFC 9162, section 2.1.1, without core/tree.c. */
#ifndef TESTS_TREE_NODE_H
#define TESTS_TREE_NODE_H

#include <string.h>
#include "core/tree.h"

/* out may be one of the two. */
static inline void tree_node(struct sha256 *h, const uint8_t left[TREE_HASH],
	const uint8_t right[TREE_HASH], uint8_t out[TREE_HASH])
{
	uint8_t both[1 + 2 * TREE_HASH] = {1};

	memcpy(both + 1, left, TREE_HASH);
	memcpy(both + 1 + TREE_HASH, right, TREE_HASH);
	sha256_of(h, NULL, 0, both, sizeof both, out);
}

#endif
