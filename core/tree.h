/*
 * tree.h: the Merkle tree over the lines of the evidence: RFC 9162, section 2.1, with SHA-256. A
 * leaf is a line without its LF. Makes the hashes of trees and proofs, and checks proofs. It stores
 * nothing: whoever makes a proof reads hashes through a callback. No I/O, no clock.
 *
 * Each function that hashes takes the caller's struct sha256, and borrows it.
 */
#ifndef TG_CORE_TREE_H
#define TG_CORE_TREE_H

#include <stddef.h>
#include <stdint.h>
#include "core/sha256.h"

#define TREE_HASH SHA256_BYTES
#define TREE_LEVELS 63u    /* a tree has fewer than 2^63 leaves */
#define TREE_PROOF_MAX 64u /* hashes of a proof, at most */

/** Hashes a leaf of n bytes. */
void tree_leaf(struct sha256 *h, const void *data, size_t n, uint8_t out[TREE_HASH]);

/*
 * The right edge of a tree: all that is needed to add leaves and to know the root. A tree of size
 * leaves is a row of complete subtrees, one for each bit that is set in size, the largest first;
 * node[i] is the root of the one with 2^i leaves. {0} is the empty tree.
 */
struct tree_edge {
	uint64_t size; /* leaves */
	uint8_t node[TREE_LEVELS][TREE_HASH];
};

/** Adds a leaf by its hash. */
void tree_add(struct sha256 *h, struct tree_edge *e, const uint8_t leaf[TREE_HASH]);

/** Makes the root's hash; of the empty tree it is SHA-256 of nothing. */
void tree_root(struct sha256 *h, const struct tree_edge *e, uint8_t out[TREE_HASH]);

/**
 * Reads the root of a complete subtree: of the leaves from index * 2^level, 2^level of them.
 *
 * Returns 0, or an error, which the function that called it returns.
 */
typedef int tree_read(void *ctx, unsigned level, uint64_t index, uint8_t out[TREE_HASH]);

struct tree_proof {
	unsigned n;
	uint8_t hash[TREE_PROOF_MAX][TREE_HASH]; /* in the order of RFC 9162, section 2.1.3.1 */
};

/**
 * Reads the right edge of the tree of the first `size` leaves.
 *
 * Returns 0, or what read returned.
 */
int tree_edge_read(tree_read *read, void *ctx, uint64_t size, struct tree_edge *out);

/**
 * Proves that a leaf stands in a tree (RFC 9162, section 2.1.3.1).
 *
 * @index  of the leaf, less than size
 * @size   of the tree, in leaves
 *
 * Returns 0, TG_EINVAL for an index behind the tree, or what read returned.
 */
int tree_inclusion(struct sha256 *h, tree_read *read, void *ctx, uint64_t index, uint64_t size,
	struct tree_proof *out);

/**
 * Proves that one tree is the beginning of another (RFC 9162, section 2.1.4.1). The proof is empty
 * when old is 0 or equal to size.
 *
 * Returns 0, TG_EINVAL when old is larger than size, or what read returned.
 */
int tree_consistency(struct sha256 *h, tree_read *read, void *ctx, uint64_t old, uint64_t size,
	struct tree_proof *out);

/**
 * Checks an inclusion proof (RFC 9162, section 2.1.3.2): makes the root that follows from it.
 *
 * @leaf  its hash
 *
 * Returns 0, and the caller compares root with one it trusts; or TG_EINVAL when the proof has not
 * the length that index and size ask for.
 */
int tree_inclusion_root(struct sha256 *h, const struct tree_proof *p, uint64_t index, uint64_t size,
	const uint8_t leaf[TREE_HASH], uint8_t root[TREE_HASH]);

/**
 * Checks a consistency proof (RFC 9162, section 2.1.4.2).
 *
 * @old_root, @root  of the trees of old and size leaves
 *
 * Returns 0; TG_EINVAL: it does not prove that.
 */
int tree_consistency_check(struct sha256 *h, const struct tree_proof *p, uint64_t old,
	uint64_t size, const uint8_t old_root[TREE_HASH], const uint8_t root[TREE_HASH]);

#endif
