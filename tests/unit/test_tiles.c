/*
 * Goal: the tiles of a tree stand where C2SP tlog-tiles says and hold what it says; out of them the
 * root and every proof of every saved size can be made; who goes on from a saved size makes the
 * same tiles, whatever was written behind it; a tile that is not there, or not whole, is an error.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include "check.h"
#include <string.h>
#include <timeglas/errors.h>
#include "core/tile.h"
#include "recorder/tiles.h"
#include "test_dir.h"

static struct sha256 *sha;

static int setup(void **state)
{
	sha = sha256_new();
	return sha == NULL || test_dir_make(state) != 0;
}

static int teardown(void **state)
{
	(void)state;
	sha256_free(sha);
	return remove_folder(test_dir);
}

static void add(struct tiles *t, uint64_t from, uint64_t to)
{
	char line[32];

	for (uint64_t i = from; i < to; i++) {
		int n = snprintf(line, sizeof line, "line %llu", (unsigned long long)i);

		assert_int_equal(tiles_add(t, line, (size_t)n), 0);
	}
}

/* The root of the first `size` lines, made without tiles. */
static void expected(uint64_t size, uint8_t root[TREE_HASH])
{
	struct tree_edge e = {0};
	uint8_t leaf[TREE_HASH];
	char line[32];

	for (uint64_t i = 0; i < size; i++) {
		int n = snprintf(line, sizeof line, "line %llu", (unsigned long long)i);

		tree_leaf(sha, line, (size_t)n, leaf);
		tree_add(sha, &e, leaf);
	}
	tree_root(sha, &e, root);
}

static struct tiles *open_at(const char *name, uint64_t size)
{
	struct tiles *t = NULL;

	assert_int_equal(tiles_open(in_dir(name), size, sha, &t), 0);
	return t;
}

static long size_of(const char *name, const char *path)
{
	char full[256];
	struct stat st;

	snprintf(full, sizeof full, "%s/%s", in_dir(name), path);
	return stat(full, &st) == 0 ? (long)st.st_size : -1;
}

static void paths_are_those_of_the_specification(void **state)
{
	char path[TILE_PATH_MAX];

	(void)state;
	assert_string_equal(
		tile_path(&(struct tile_name){0, 1234067, 256}, path), "tile/0/x001/x234/067");
	assert_string_equal(tile_path(&(struct tile_name){3, 0, 7}, path), "tile/3/000.p/7");
	assert_string_equal(tile_path(&(struct tile_name){1, 999, 256}, path), "tile/1/999");
	assert_string_equal(
		tile_path(&(struct tile_name){1, 1000, 1}, path), "tile/1/x001/000.p/1");
	assert_true(strlen(tile_path(&(struct tile_name){7, UINT64_MAX / 256, 255}, path)) <
		TILE_PATH_MAX - 1);
	/* its example: a tree of 70,000 */
	assert_int_equal(tile_width(0, 272, 70000), 256);
	assert_int_equal(tile_width(0, 273, 70000), 112);
	assert_int_equal(tile_width(0, 274, 70000), 0);
	assert_int_equal(tile_width(1, 0, 70000), 256);
	assert_int_equal(tile_width(1, 1, 70000), 17);
	assert_int_equal(tile_width(2, 0, 70000), 1);
	assert_int_equal(tile_width(3, 0, 70000), 0);
	assert_int_equal(tile_width(1, 0, 256), 1);
}

static void a_tree_of_70000_has_the_tiles_of_the_specification(void **state)
{
	struct tiles *t = open_at("large", 0);
	uint8_t root[TREE_HASH], whole[TREE_HASH];

	(void)state;
	add(t, 0, 70000);
	assert_int_equal(tiles_save(t), 0);
	assert_int_equal(tiles_root(t, root), 70000);
	expected(70000, whole);
	assert_memory_equal(root, whole, TREE_HASH);
	assert_int_equal(tiles_sync(t), 0);
	tiles_free(t);
	assert_int_equal(size_of("large", "tile/0/000"), TILE_BYTES);
	assert_int_equal(size_of("large", "tile/0/272"), TILE_BYTES);
	assert_int_equal(size_of("large", "tile/0/273.p/112"), 112 * TREE_HASH);
	assert_int_equal(size_of("large", "tile/0/273"), -1);
	assert_int_equal(size_of("large", "tile/1/000"), TILE_BYTES);
	assert_int_equal(size_of("large", "tile/1/001.p/17"), 17 * TREE_HASH);
	assert_int_equal(size_of("large", "tile/2/000.p/1"), TREE_HASH);
	assert_int_equal(size_of("large", "unfinished"), -1);
}

/* Every proof that can be made in the tree of a saved size. */
static void check_proofs(const char *name, uint64_t size, uint64_t step)
{
	struct tile_reader r;
	uint8_t root[TREE_HASH], found[TREE_HASH], leaf[TREE_HASH], old_root[TREE_HASH];
	int dir = open(in_dir(name), O_RDONLY | O_DIRECTORY);

	assert_true(dir >= 0);
	expected(size, root);
	for (uint64_t i = 0; i < size; i += step) {
		struct tree_proof p;
		char line[32];
		int n = snprintf(line, sizeof line, "line %llu", (unsigned long long)i);

		tile_reader_init(&r, dir, size, sha);
		assert_int_equal(tree_inclusion(sha, tile_read_node, &r, i, size, &p), 0);
		tree_leaf(sha, line, (size_t)n, leaf);
		assert_int_equal(tree_inclusion_root(sha, &p, i, size, leaf, found), 0);
		assert_memory_equal(found, root, TREE_HASH);
		assert_int_equal(tree_consistency(sha, tile_read_node, &r, i, size, &p), 0);
		expected(i, old_root);
		assert_int_equal(tree_consistency_check(sha, &p, i, size, old_root, root), 0);
	}
	close(dir);
}

static void proofs_of_every_saved_size_can_be_made(void **state)
{
	static const uint64_t sizes[] = {1, 2, 100, 255, 256, 257, 300, 511, 512, 600};
	struct tiles *t = open_at("small", 0);
	uint64_t at = 0;

	(void)state;
	for (size_t i = 0; i < LEN(sizes); i++) {
		add(t, at, sizes[i]);
		at = sizes[i];
		assert_int_equal(tiles_save(t), 0);
	}
	tiles_free(t);
	for (size_t i = 0; i < LEN(sizes); i++)
		check_proofs("small", sizes[i], 7);
	/* of a tile that is full the narrower files are gone, of the last one they are not */
	assert_int_equal(size_of("small", "tile/0/000.p/100"), -1);
	assert_int_equal(size_of("small", "tile/0/000.p"), -1);
	assert_int_equal(size_of("small", "tile/0/002.p/88"), 88 * TREE_HASH);
}

static void who_goes_on_from_a_saved_size_makes_the_same_tree(void **state)
{
	struct tiles *t = open_at("again", 0);
	uint8_t root[TREE_HASH], whole[TREE_HASH];

	(void)state;
	add(t, 0, 1000);
	assert_int_equal(tiles_save(t), 0);
	add(t, 5000, 5600); /* lines that were lost: other ones follow */
	assert_int_equal(tiles_save(t), 0);
	tiles_free(t);
	t = open_at("again", 1000);
	assert_int_equal(tiles_root(t, root), 1000);
	expected(1000, whole);
	assert_memory_equal(root, whole, TREE_HASH);
	add(t, 1000, 2000);
	assert_int_equal(tiles_save(t), 0);
	tiles_root(t, root);
	tiles_free(t);
	expected(2000, whole);
	assert_memory_equal(root, whole, TREE_HASH);
	check_proofs("again", 2000, 97);
}

static void a_tile_that_is_not_whole_is_an_error(void **state)
{
	struct tiles *t = open_at("torn", 0);
	char path[256];

	(void)state;
	add(t, 0, 300);
	assert_int_equal(tiles_save(t), 0);
	tiles_free(t);
	assert_int_equal(tiles_open(in_dir("torn"), 301, sha, &t), TG_ENOENT);
	snprintf(path, sizeof path, "%s/tile/0/001.p/44", in_dir("torn"));
	assert_int_equal(truncate(path, 43 * TREE_HASH), 0);
	assert_int_equal(tiles_open(in_dir("torn"), 300, sha, &t), TG_EINVAL);
	assert_int_equal(truncate(path, 45 * TREE_HASH), 0);
	assert_int_equal(tiles_open(in_dir("torn"), 300, sha, &t), TG_EINVAL);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(tiles_open(in_dir("torn"), 300, sha, &t), TG_ENOENT);
	t = open_at("torn", 256); /* what is full needs nothing else */
	tiles_free(t);
	assert_int_equal(tiles_open("/proc/none", 0, sha, &t), TG_EIO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_are_those_of_the_specification),
		cmocka_unit_test(a_tree_of_70000_has_the_tiles_of_the_specification),
		cmocka_unit_test(proofs_of_every_saved_size_can_be_made),
		cmocka_unit_test(who_goes_on_from_a_saved_size_makes_the_same_tree),
		cmocka_unit_test(a_tile_that_is_not_whole_is_an_error),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
