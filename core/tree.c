/*
 * tree.c: see tree.h. Every proof is a list of roots of subtrees. A subtree that is complete is
 * read; the one at the tree's right edge need not be complete, and is put together from complete
 * ones.
 */
#include <stdbool.h>
#include <string.h>
#include <timeglas/errors.h>
#include "core/bug.h"
#include "core/tree.h"

/* The byte in front of what is hashed, so that no leaf can be taken for a node. */
static const uint8_t leaf_prefix = 0x00, node_prefix = 0x01;

void tree_leaf(struct sha256 *h, const void *data, size_t n, uint8_t out[TREE_HASH])
{
	sha256_of(h, &leaf_prefix, 1, data, n, out);
}

/* Hashes two neighbours to the node above them. out may be one of them. */
static void make_node(struct sha256 *h, const uint8_t left[TREE_HASH],
	const uint8_t right[TREE_HASH], uint8_t out[TREE_HASH])
{
	uint8_t both[2 * TREE_HASH];

	memcpy(both, left, TREE_HASH);
	memcpy(both + TREE_HASH, right, TREE_HASH);
	sha256_of(h, &node_prefix, 1, both, sizeof both, out);
}

/* The level of the largest complete subtree that begins at a tree's first leaf: floor(log2(size)).
 * size > 0 */
static unsigned level_of(uint64_t size)
{
	return 63u - (unsigned)__builtin_clzll(size);
}

/* The right edge ----------------------------------------------------------- */

void tree_add(struct sha256 *h, struct tree_edge *e, const uint8_t leaf[TREE_HASH])
{
	uint8_t node[TREE_HASH];
	unsigned level = 0;

	if (e->size >> TREE_LEVELS != 0 || e->size + 1 == (uint64_t)1 << TREE_LEVELS)
		tg_bug("tree", "more leaves than a tree can have");
	memcpy(node, leaf, TREE_HASH);
	while (e->size >> level & 1) {
		make_node(h, e->node[level], node, node);
		level++;
	}
	memcpy(e->node[level], node, TREE_HASH);
	e->size++;
}

void tree_root(struct sha256 *h, const struct tree_edge *e, uint8_t out[TREE_HASH])
{
	unsigned level;

	if (e->size == 0) {
		sha256_of(h, NULL, 0, NULL, 0, out);
		return;
	}
	level = (unsigned)__builtin_ctzll(e->size);
	memcpy(out, e->node[level], TREE_HASH);
	while (++level < TREE_LEVELS)
		if (e->size >> level & 1)
			make_node(h, e->node[level], out, out);
}

int tree_edge_read(tree_read *read, void *ctx, uint64_t size, struct tree_edge *out)
{
	*out = (struct tree_edge){.size = size};
	for (unsigned level = 0; level < TREE_LEVELS; level++) {
		int err = 0;

		if (size >> level & 1) /* behind all larger subtrees */
			err = read(ctx, level, (size >> level) - 1, out->node[level]);
		if (err != 0)
			return err;
	}
	return 0;
}

/* Making proofs ------------------------------------------------------------ */

/* A subtree while the way down to a leaf, or to a seam, is walked: `size` leaves from `from` on.
 * from is a multiple of the power of two that is not smaller than size. */
struct part {
	uint64_t from, size;
};

/* Parts a subtree as RFC 9162 does: the left one is as large as it can be while it is complete and
 * not all. size > 1 */
static void split(const struct part *p, struct part *left, struct part *right)
{
	const uint64_t k = (uint64_t)1 << level_of(p->size - 1);

	*left = (struct part){p->from, k};
	*right = (struct part){p->from + k, p->size - k};
}

/* The root of a subtree that need not be complete. */
static int part_root(
	struct sha256 *h, tree_read *read, void *ctx, const struct part *p, uint8_t out[TREE_HASH])
{
	uint64_t end = p->from + p->size, left = p->size;
	uint8_t node[TREE_HASH];
	bool first = true;

	/* complete subtrees, from the right, the smallest first */
	while (left > 0) {
		unsigned level = (unsigned)__builtin_ctzll(left);
		int err = read(ctx, level, (end >> level) - 1, node);

		if (err != 0)
			return err;
		if (first)
			memcpy(out, node, TREE_HASH);
		else
			make_node(h, node, out, out);
		first = false;
		end -= (uint64_t)1 << level;
		left -= (uint64_t)1 << level;
	}
	return 0;
}

/* Puts hashes that were collected from the root down into the order of a proof, from below. */
static void turn(struct tree_proof *p)
{
	uint8_t node[TREE_HASH];

	for (unsigned i = 0, j = p->n; i + 1 < j; i++) {
		j--;
		memcpy(node, p->hash[i], TREE_HASH);
		memcpy(p->hash[i], p->hash[j], TREE_HASH);
		memcpy(p->hash[j], node, TREE_HASH);
	}
}

int tree_inclusion(struct sha256 *h, tree_read *read, void *ctx, uint64_t index, uint64_t size,
	struct tree_proof *out)
{
	struct part at = {0, size}, left, right;

	out->n = 0;
	if (index >= size || size >> TREE_LEVELS != 0)
		return TG_EINVAL;
	while (at.size > 1) {
		int err;

		split(&at, &left, &right);
		at = index < right.from ? left : right;
		err = part_root(
			h, read, ctx, index < right.from ? &right : &left, out->hash[out->n]);
		if (err != 0)
			return err;
		out->n++;
	}
	turn(out);
	return 0;
}

int tree_consistency(struct sha256 *h, tree_read *read, void *ctx, uint64_t old, uint64_t size,
	struct tree_proof *out)
{
	struct part at = {0, size}, left, right;
	int err = 0;

	out->n = 0;
	if (old > size || size >> TREE_LEVELS != 0)
		return TG_EINVAL;
	if (old == 0 || old == size)
		return 0;
	while (err == 0 && at.from + at.size != old) { /* the old tree ends within this part */
		split(&at, &left, &right);
		at = old <= right.from ? left : right;
		err = part_root(
			h, read, ctx, old <= right.from ? &right : &left, out->hash[out->n++]);
	}
	/* The part in which the old tree ends; it is known when it is the old tree itself. */
	if (err == 0 && at.from > 0)
		err = part_root(h, read, ctx, &at, out->hash[out->n++]);
	turn(out);
	return err;
}

/* Checking proofs ---------------------------------------------------------- */

int tree_inclusion_root(struct sha256 *h, const struct tree_proof *p, uint64_t index, uint64_t size,
	const uint8_t leaf[TREE_HASH], uint8_t root[TREE_HASH])
{
	uint64_t at = index, last = size - 1;

	if (index >= size || p->n > TREE_PROOF_MAX)
		return TG_EINVAL;
	memcpy(root, leaf, TREE_HASH);
	for (unsigned i = 0; i < p->n; i++) {
		if (last == 0)
			return TG_EINVAL;
		if (at & 1 || at == last) {
			make_node(h, p->hash[i], root, root);
			while (!(at & 1) && at != 0) { /* no neighbour at the right edge */
				at >>= 1;
				last >>= 1;
			}
		} else {
			make_node(h, root, p->hash[i], root);
		}
		at >>= 1;
		last >>= 1;
	}
	return last == 0 ? 0 : TG_EINVAL;
}

/* The roots of both trees that follow from a proof; first is the root of the part in which the old
 * tree ends. */
static int consistency_roots(struct sha256 *h, const struct tree_proof *p, unsigned next,
	const uint8_t first[TREE_HASH], uint64_t old, uint64_t size, uint8_t old_root[TREE_HASH],
	uint8_t root[TREE_HASH])
{
	uint64_t at = old - 1, last = size - 1;

	while (at & 1) {
		at >>= 1;
		last >>= 1;
	}
	memcpy(old_root, first, TREE_HASH);
	memcpy(root, first, TREE_HASH);
	for (; next < p->n; next++) {
		if (last == 0)
			return TG_EINVAL;
		if (at & 1 || at == last) {
			make_node(h, p->hash[next], old_root, old_root);
			make_node(h, p->hash[next], root, root);
			while (!(at & 1) && at != 0) {
				at >>= 1;
				last >>= 1;
			}
		} else {
			make_node(h, root, p->hash[next], root);
		}
		at >>= 1;
		last >>= 1;
	}
	return last == 0 ? 0 : TG_EINVAL;
}

int tree_consistency_check(struct sha256 *h, const struct tree_proof *p, uint64_t old,
	uint64_t size, const uint8_t old_root[TREE_HASH], const uint8_t root[TREE_HASH])
{
	uint8_t old_found[TREE_HASH], found[TREE_HASH];
	const bool whole = (old & (old - 1)) == 0; /* the old tree is one complete subtree */

	if (old > size || p->n > TREE_PROOF_MAX)
		return TG_EINVAL;
	if (old == 0)
		return p->n == 0 ? 0 : TG_EINVAL;
	if (old == size)
		return p->n == 0 && memcmp(old_root, root, TREE_HASH) == 0 ? 0 : TG_EINVAL;
	if (p->n == 0 ||
		consistency_roots(h, p, whole ? 0 : 1, whole ? old_root : p->hash[0], old, size,
			old_found, found) != 0)
		return TG_EINVAL;
	return memcmp(old_found, old_root, TREE_HASH) == 0 && memcmp(found, root, TREE_HASH) == 0 ?
		0 :
		TG_EINVAL;
}
