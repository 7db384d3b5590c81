/*
 * Goal: roots and proofs are those of RFC 9162, which is tried against its recursive definition for
 * every size up to 130 and against the published values of certificate transparency's test tree; a
 * proof that was altered in any hash, in its length, its index or its sizes proves nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include <timeglas/errors.h>
#include "core/hex.h"
#include "core/tree.h"
#include "tree_node.h"

#define LEAVES 130u

static struct sha256 *sha;
static uint8_t leaf[LEAVES][TREE_HASH];

static int setup(void **state)
{
	(void)state;
	sha = sha256_new();
	for (unsigned i = 0; i < LEAVES; i++)
		tree_leaf(sha, &i, sizeof i, leaf[i]);
	return sha == NULL;
}

static int teardown(void **state)
{
	(void)state;
	sha256_free(sha);
	return 0;
}

/* The root of leaves from..from+n-1 by RFC 9162's definition. */
static void defined(uint64_t from, uint64_t n, uint8_t out[TREE_HASH])
{
	uint8_t left[TREE_HASH], right[TREE_HASH];
	uint64_t k = 1;

	if (n == 1) {
		memcpy(out, leaf[from], TREE_HASH);
		return;
	}
	while (2 * k < n)
		k *= 2;
	defined(from, k, left);
	defined(from + k, n - k, right);
	tree_node(sha, left, right, out);
}

static int read_node(void *ctx, unsigned level, uint64_t index, uint8_t out[TREE_HASH])
{
	const uint64_t *size = ctx; /* of the tree: nothing behind it may be asked for */

	assert_true((index + 1) << level <= *size);
	defined(index << level, (uint64_t)1 << level, out);
	return 0;
}

static void grow(struct tree_edge *e, uint64_t size)
{
	*e = (struct tree_edge){0};
	for (uint64_t i = 0; i < size; i++)
		tree_add(sha, e, leaf[i]);
}

static void roots_are_those_of_the_definition(void **state)
{
	struct tree_edge e = {0};
	uint8_t root[TREE_HASH], expected[TREE_HASH];

	(void)state;
	for (uint64_t size = 1; size <= LEAVES; size++) {
		struct tree_edge read;

		tree_add(sha, &e, leaf[size - 1]);
		tree_root(sha, &e, root);
		defined(0, size, expected);
		assert_memory_equal(root, expected, TREE_HASH);
		assert_int_equal(tree_edge_read(read_node, &size, size, &read), 0);
		tree_root(sha, &read, root);
		assert_memory_equal(root, expected, TREE_HASH);
	}
}

/* The test tree that implementations of RFC 6962 share. */
static void roots_are_the_published_ones(void **state)
{
	static const char *const data[] = {"", "00", "10", "2021", "3031", "40414243",
		"5051525354555657", "606162636465666768696a6b6c6d6e6f"};
	static const char *const root[] = {
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
		"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
		"fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
		"aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
		"d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
		"4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
		"76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
		"ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
		"5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"};
	struct tree_edge e = {0};
	char text[2 * TREE_HASH + 1];
	uint8_t hash[TREE_HASH], bytes[16];

	(void)state;
	for (unsigned i = 0;; i++) {
		tree_root(sha, &e, hash);
		assert_string_equal(tg_hex_encode(hash, TREE_HASH, text), root[i]);
		if (i == sizeof data / sizeof data[0])
			break;
		assert_int_equal(
			tg_hex_decode(data[i], strlen(data[i]), bytes, strlen(data[i]) / 2), 0);
		tree_leaf(sha, bytes, strlen(data[i]) / 2, hash);
		tree_add(sha, &e, hash);
	}
}

static int proves(const struct tree_proof *p, uint64_t index, uint64_t size, const uint8_t *of)
{
	struct tree_edge e;
	uint8_t root[TREE_HASH], found[TREE_HASH];

	grow(&e, size <= LEAVES ? size : LEAVES);
	tree_root(sha, &e, root);
	return tree_inclusion_root(sha, p, index, size, of, found) == 0 &&
		memcmp(root, found, TREE_HASH) == 0;
}

static void every_leaf_is_proved(void **state)
{
	struct tree_proof p;

	(void)state;
	for (uint64_t size = 1; size <= LEAVES; size++)
		for (uint64_t i = 0; i < size; i++) {
			assert_int_equal(tree_inclusion(sha, read_node, &size, i, size, &p), 0);
			assert_true(proves(&p, i, size, leaf[i]));
		}
	for (uint64_t size = 0; size < 3; size++)
		assert_int_equal(tree_inclusion(sha, read_node, &size, size, size, &p), TG_EINVAL);
}

static void an_altered_inclusion_proves_nothing(void **state)
{
	uint64_t size = 77;
	struct tree_proof p;

	(void)state;
	for (uint64_t i = 0; i < size; i++) {
		assert_int_equal(tree_inclusion(sha, read_node, &size, i, size, &p), 0);
		for (unsigned k = 0; k < p.n; k++) {
			p.hash[k][k % TREE_HASH] ^= 1;
			assert_false(proves(&p, i, size, leaf[i]));
			p.hash[k][k % TREE_HASH] ^= 1;
		}
		assert_false(proves(&p, i, size, leaf[(i + 1) % size]));
		assert_false(proves(&p, i ^ 1, size, leaf[i]));
		assert_false(proves(&p, i, size + 1, leaf[i]));
		assert_false(proves(&p, size, size, leaf[i]));
		p.n--;
		assert_false(proves(&p, i, size, leaf[i]));
		p.n += 2;
		memset(p.hash[p.n - 1], 0, TREE_HASH);
		assert_false(proves(&p, i, size, leaf[i]));
	}
}

static void every_beginning_is_proved(void **state)
{
	struct tree_edge e;
	uint8_t root[LEAVES + 1][TREE_HASH];
	struct tree_proof p;

	(void)state;
	for (uint64_t size = 0; size <= LEAVES; size++) {
		grow(&e, size);
		tree_root(sha, &e, root[size]);
	}
	for (uint64_t size = 0; size <= LEAVES; size++)
		for (uint64_t old = 0; old <= size; old++) {
			assert_int_equal(tree_consistency(sha, read_node, &size, old, size, &p), 0);
			assert_int_equal(
				tree_consistency_check(sha, &p, old, size, root[old], root[size]),
				0);
			if (old == 0)
				continue;
			/* another old tree, another new one, altered hashes, other lengths */
			assert_int_not_equal(tree_consistency_check(
						     sha, &p, old, size, root[old - 1], root[size]),
				0);
			assert_int_not_equal(tree_consistency_check(
						     sha, &p, old, size, root[old], root[size - 1]),
				0);
			for (unsigned k = 0; k < p.n; k++) {
				p.hash[k][0] ^= 0x80;
				assert_int_not_equal(tree_consistency_check(sha, &p, old, size,
							     root[old], root[size]),
					0);
				p.hash[k][0] ^= 0x80;
			}
			memset(p.hash[p.n++], 0, TREE_HASH);
			assert_int_not_equal(
				tree_consistency_check(sha, &p, old, size, root[old], root[size]),
				0);
			p.n -= 2;
			if (old < size)
				assert_int_not_equal(tree_consistency_check(sha, &p, old, size,
							     root[old], root[size]),
					0);
		}
	uint64_t size = 3;
	assert_int_equal(tree_consistency(sha, read_node, &size, 4, size, &p), TG_EINVAL);
	p.n = 0;
	assert_int_equal(tree_consistency_check(sha, &p, 4, 3, root[4], root[3]), TG_EINVAL);
}

static int fails(void *ctx, unsigned level, uint64_t index, uint8_t out[TREE_HASH])
{
	(void)ctx;
	(void)level;
	(void)index;
	(void)out;
	return TG_EIO;
}

static void an_error_of_the_reader_is_passed_on(void **state)
{
	struct tree_edge e;
	struct tree_proof p;

	(void)state;
	assert_int_equal(tree_edge_read(fails, NULL, 5, &e), TG_EIO);
	assert_int_equal(tree_inclusion(sha, fails, NULL, 1, 5, &p), TG_EIO);
	assert_int_equal(tree_consistency(sha, fails, NULL, 3, 5, &p), TG_EIO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(roots_are_those_of_the_definition),
		cmocka_unit_test(roots_are_the_published_ones),
		cmocka_unit_test(every_leaf_is_proved),
		cmocka_unit_test(an_altered_inclusion_proves_nothing),
		cmocka_unit_test(every_beginning_is_proved),
		cmocka_unit_test(an_error_of_the_reader_is_passed_on),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
