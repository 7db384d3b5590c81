/*
 * Goal: the tree that the checkpoints sign is that of the lines in the files, whatever happened to
 * the tiles; and a tree that cannot be known is not made up.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <sodium.h>
#include <timeglas/errors.h>
#include "base/heartbeat.h"
#include "core/chain_note.h"
#include "core/tile.h"
#include "recorder/ledger.h"
#include "recorder/tail.h"
#include "test_dir.h"

#define MANY 700u /* more than two tiles */

static uint8_t public_key[CHAIN_KEY], secret[CHAIN_SECRET];
static struct sha256 *sha;
static char path[128], tiles[128];

static int setup(void **state)
{
	sha = sha256_new();
	if (sha == NULL || test_dir_make(state) != 0)
		return -1;
	snprintf(path, sizeof path, "%s", in_dir("audit.log"));
	snprintf(tiles, sizeof tiles, "%s", in_dir("audit.log.tiles"));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	sha256_free(sha);
	return remove_folder(test_dir);
}

static struct ledger *make(uint64_t rotate_bytes, const char *origin)
{
	const struct ledger_opts o = {.path = path,
		.secret = secret,
		.origin = origin,
		.rotate_bytes = rotate_bytes,
		.rotate_s = 86400};
	struct ledger *l = ledger_new(&o);

	assert_non_null(l);
	return l;
}

static void add(struct ledger *l, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct chain_record r = {.time_ms = 1700000000000,
			.event = {"stored", 6},
			.dk = -1,
			.size_bytes = i,
			.deadline_ms = -1,
			.lease_ms = -1,
			.late_us = -1};

		assert_int_equal(ledger_add(l, &r), 0);
	}
	assert_int_equal(ledger_commit(l), 0);
}

/* What a reader of the files alone finds. */
struct found {
	struct tree_edge edge;
	unsigned checks, with_tree;
	char note[CHAIN_NOTE_MAX]; /* of the last checkpoint */
	char origin[CHAIN_ORIGIN_MAX + 1];
};

static void look_at(struct found *f, const char *line, size_t n)
{
	uint8_t root[TREE_HASH], leaf[TREE_HASH];
	struct chain_line l;

	assert_int_equal(chain_scan(line, n, &l), 0);
	if (l.is_check && l.check.origin.p != NULL) {
		tree_root(sha, &f->edge, root);
		assert_int_equal(f->edge.size, l.check.n - 1);
		assert_memory_equal(root, l.check.root, sizeof root);
		assert_int_equal(chain_note_verify(&l.check), 0);
		chain_note_text(sha, &l.check, f->note);
		snprintf(f->origin, sizeof f->origin, "%.*s", (int)l.check.origin.n,
			l.check.origin.p);
		f->with_tree++;
	}
	f->checks += l.is_check != 0;
	tree_leaf(sha, line, n, leaf);
	tree_add(sha, &f->edge, leaf);
}

static void look_at_file(struct found *f, const char *file)
{
	static char line[CHAIN_LINE_MAX + 2];
	FILE *s = fopen(file, "r");

	assert_non_null(s);
	while (fgets(line, sizeof line, s) != NULL)
		look_at(f, line, strlen(line) - 1);
	fclose(s);
}

/* Reads all files, and the published note, which must be that of the last checkpoint. */
static void assert_consistent(struct found *f)
{
	char old[160], published[CHAIN_NOTE_MAX] = "";
	uint64_t first[64], n = 0, before = UINT64_MAX;
	FILE *s = fopen(in_dir("audit.log.tiles/checkpoint"), "r");

	*f = (struct found){0};
	while (tail_older(path, before, old, sizeof old, &before))
		first[n++] = before;
	while (n > 0) {
		assert_int_equal(tail_rotated(path, first[--n], old, sizeof old), 0);
		look_at_file(f, old);
	}
	look_at_file(f, path);
	assert_non_null(s);
	assert_true(fread(published, 1, sizeof published - 1, s) > 0);
	fclose(s);
	assert_string_equal(published, f->note);
}

static void reopen(struct ledger **l, int expected)
{
	ledger_free(*l);
	*l = make(1 << 20, NULL);
	assert_int_equal(ledger_open(*l), expected);
}

static void every_checkpoint_signs_the_tree_before_it(void **state)
{
	struct ledger *l = make(1 << 20, "log.example/1");
	struct note_key key;
	struct note note;
	struct found f;

	(void)state;
	assert_int_equal(ledger_open(l), 0);
	for (unsigned i = 0; i < 5; i++) {
		add(l, MANY / 5);
		assert_int_equal(ledger_checkpoint(l, "time"), 0);
		assert_consistent(&f);
	}
	assert_int_equal(f.checks, 6);
	assert_int_equal(f.with_tree, 6);
	assert_string_equal(f.origin, "log.example/1");
	assert_int_equal(note_scan(f.note, strlen(f.note), &note), 0);
	assert_int_equal(note_key_make(sha, f.origin, NOTE_ED25519, public_key, &key), 0);
	assert_int_equal(note_verify(&note, &key, NULL), 0);
	ledger_free(l);
}

static void a_batch_goes_into_the_tree_with_its_checkpoint(void **state)
{
	struct ledger *l = make(1 << 20, NULL);
	struct chain_record r = {.event = {"stored", 6},
		.dk = -1,
		.size_bytes = -1,
		.deadline_ms = -1,
		.lease_ms = -1,
		.late_us = -1};
	struct found f;

	(void)state;
	assert_int_equal(ledger_open(l), 0);
	assert_int_equal(ledger_add(l, &r), 0);
	assert_int_equal(ledger_checkpoint(l, "epoch"), 0);
	add(l, 3);
	assert_int_equal(ledger_add(l, &r), 0);
	ledger_drop(l);
	add(l, 1);
	assert_int_equal(ledger_checkpoint(l, "time"), 0);
	assert_consistent(&f);
	assert_int_equal(f.edge.size, 1 + 2 + 3 + 1 + 1);
	ledger_free(l);
}

static void who_opens_it_again_goes_on_with_the_same_log(void **state)
{
	struct ledger *l = make(1 << 20, NULL);
	char origin[CHAIN_ORIGIN_MAX + 1];
	struct found f;

	(void)state;
	assert_int_equal(ledger_open(l), 0);
	assert_consistent(&f);
	memcpy(origin, f.origin, sizeof origin);
	for (unsigned n = 1; n < MANY; n = n * 3 + 1) {
		add(l, n); /* as if killed: without a checkpoint behind them */
		reopen(&l, 0);
		assert_consistent(&f);
	}
	assert_string_equal(f.origin, origin);
	ledger_free(l);
}

static void tiles_that_are_gone_are_made_of_the_lines(void **state)
{
	struct ledger *l = make(4096, NULL); /* a file for each checkpoint */
	struct found f;
	char old[160];

	(void)state;
	assert_int_equal(ledger_open(l), 0);
	for (unsigned i = 0; i < 7; i++) {
		add(l, MANY / 7);
		assert_int_equal(ledger_checkpoint(l, "time"), 0);
	}
	assert_true(tail_newest(path, old, sizeof old));
	assert_int_equal(remove_folder(tiles), 0);
	reopen(&l, 0);
	assert_consistent(&f);
	ledger_free(l);
	l = NULL;
	assert_int_equal(unlink(path), 0); /* the newest rotated file has the end now */
	assert_int_equal(remove_folder(tiles), 0);
	reopen(&l, 0);
	assert_consistent(&f);
	ledger_free(l);
}

/* A hash in a tile of the right size that is not the lines'. */
static void tiles_that_were_altered_are_made_of_the_lines(void **state)
{
	static const char *const tile[] = {"tile/0/000", "tile/0/001", "tile/1/000.p/2"};
	struct ledger *l = make(1 << 20, NULL);
	struct found f;

	(void)state;
	assert_int_equal(ledger_open(l), 0);
	add(l, MANY);
	assert_int_equal(ledger_checkpoint(l, "time"), 0);
	for (unsigned i = 0; i < 3; i++) {
		char name[64], byte;
		int fd;

		snprintf(name, sizeof name, "audit.log.tiles/%s", tile[i]);
		fd = open(in_dir(name), O_RDWR);
		assert_true(fd >= 0);
		assert_int_equal(pread(fd, &byte, 1, 40), 1);
		byte ^= 1;
		assert_int_equal(pwrite(fd, &byte, 1, 40), 1);
		close(fd);
		reopen(&l, 0);
		add(l, 1);
		assert_int_equal(ledger_checkpoint(l, "time"), 0);
		assert_consistent(&f);
	}
	ledger_free(l);
}

/* The master kills who sends none for a minute; a log may be so large that this takes longer. */
static void heartbeats_go_on_while_the_tree_is_made_again(void **state)
{
	struct heartbeat *h = heartbeat_new(1);
	struct ledger *l = make(1 << 20, NULL);
	struct found f;

	(void)state;
	assert_non_null(h);
	assert_int_equal(ledger_open(l), 0);
	for (unsigned i = 0; i < 20; i++)
		add(l, 1000);
	assert_int_equal(ledger_checkpoint(l, "time"), 0);
	assert_int_equal(remove_folder(tiles), 0);
	heartbeat_attach(h, 0);
	reopen(&l, 0);
	heartbeat_attach(NULL, 0);
	assert_in_range(heartbeat_count(h, 0), 4, 5);
	heartbeat_free(h);
	assert_consistent(&f);
	ledger_free(l);
}

static void a_log_whose_beginning_expired_needs_its_tiles(void **state)
{
	struct ledger *l = make(4096, NULL);
	char first[160], away[160];
	struct found f;

	(void)state;
	assert_int_equal(ledger_open(l), 0);
	for (unsigned i = 0; i < 4; i++) {
		add(l, MANY / 7);
		assert_int_equal(ledger_checkpoint(l, "time"), 0);
	}
	assert_int_equal(tail_rotated(path, 1, first, sizeof first), 0);
	snprintf(away, sizeof away, "%s", in_dir("away"));
	assert_int_equal(rename(first, away), 0);
	reopen(&l, 0);
	add(l, 1);
	assert_int_equal(ledger_checkpoint(l, "time"), 0);
	assert_int_equal(rename(tiles, in_dir("tiles")), 0);
	reopen(&l, TG_ENOENT);
	assert_false(ledger_is_open(l));
	remove_folder(tiles); /* what it has begun */
	assert_int_equal(rename(in_dir("tiles"), tiles), 0);
	assert_int_equal(ledger_open(l), 0);
	assert_int_equal(rename(away, first), 0);
	assert_consistent(&f);
	ledger_free(l);
}

/* Its checkpoints name no root; the first one that does signs all lines. */
static void a_log_of_an_older_program_is_taken_up_from_its_first_line(void **state)
{
	static char line[CHAIN_LINE_MAX + 1];
	struct chain_check c = {.reason = {"time", 4}};
	struct ledger *l = NULL;
	struct found f;
	FILE *s = fopen(path, "w");

	(void)state;
	assert_non_null(s);
	for (c.n = 1; c.n <= 9; c.n++) {
		struct chain_buf b = {.p = line, .cap = sizeof line};

		chain_put_check(&b, &c, secret);
		chain_hash(line, b.n - 1, c.prev);
		assert_int_equal(fwrite(line, 1, b.n, s), b.n);
	}
	fclose(s);
	reopen(&l, 0);
	assert_consistent(&f);
	assert_int_equal(f.checks, 10);
	assert_int_equal(f.with_tree, 1);
	add(l, 5);
	reopen(&l, 0);
	assert_consistent(&f);
	ledger_free(l);
}

static void a_folder_that_was_moved_away_is_made_again(void **state)
{
	struct ledger *l = make(1 << 20, NULL);
	struct found f;

	(void)state;
	assert_int_equal(ledger_open(l), 0);
	add(l, 9);
	assert_int_equal(rename(tiles, in_dir("tiles")), 0);
	assert_int_equal(ledger_checkpoint(l, "time"), TG_EIO);
	assert_int_equal(errno, ESTALE);
	assert_false(ledger_is_open(l));
	assert_int_equal(ledger_open(l), 0);
	assert_consistent(&f);
	assert_int_equal(f.edge.size, 1 + 9 + 1);
	ledger_free(l);
}

/* A checkpoint whose root is not that of the lines, by the right key: nothing goes on from it. */
static void lines_that_are_not_those_of_the_checkpoint_are_refused(void **state)
{
	static char line[CHAIN_LINE_MAX + 1];
	struct chain_check c = {.n = 1, .reason = {"begin", 5}, .origin = {"x", 1}, .root = {1}};
	struct chain_buf b = {.p = line, .cap = sizeof line};
	struct ledger *l = NULL;
	FILE *s = fopen(path, "w");

	(void)state;
	assert_non_null(s);
	chain_note_sign(&c, secret);
	chain_put_check(&b, &c, secret);
	assert_int_equal(fwrite(line, 1, b.n, s), b.n);
	fclose(s);
	reopen(&l, TG_EINVAL);
	ledger_free(l);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_checkpoint_signs_the_tree_before_it),
		TEST(a_batch_goes_into_the_tree_with_its_checkpoint),
		TEST(who_opens_it_again_goes_on_with_the_same_log),
		TEST(tiles_that_are_gone_are_made_of_the_lines),
		TEST(tiles_that_were_altered_are_made_of_the_lines),
		TEST(heartbeats_go_on_while_the_tree_is_made_again),
		TEST(a_log_whose_beginning_expired_needs_its_tiles),
		TEST(a_log_of_an_older_program_is_taken_up_from_its_first_line),
		TEST(a_folder_that_was_moved_away_is_made_again),
		TEST(lines_that_are_not_those_of_the_checkpoint_are_refused),
	};

	if (sodium_init() < 0 || crypto_sign_keypair(public_key, secret) != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
