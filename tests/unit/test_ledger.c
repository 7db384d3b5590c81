/*
 * Goal: whatever happens to the evidence file between two openings, the chain goes on where it was,
 * or the ledger refuses; a batch counts whole or not at all; rotation keeps the chain.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <utime.h>
#include <cmocka.h>
#include <sodium.h>
#include <timeglas/errors.h>
#include "recorder/ledger.h"
#include "recorder/tail.h"
#include "test_dir.h"

static char dir[32], path[64], old[96];
static uint8_t public_key[CHAIN_KEY], secret[CHAIN_SECRET];

static struct ledger *make(uint64_t rotate_bytes)
{
	const struct ledger_opts o = {.path = path,
		.secret = secret,
		.rotate_bytes = rotate_bytes,
		.rotate_s = 86400,
		.keep_days = 1};
	struct ledger *l = ledger_new(&o);

	assert_non_null(l);
	return l;
}

static void add(struct ledger *l, unsigned shard, unsigned seq)
{
	char id[32];
	struct chain_record r = {
		.time_ms = 1700000000000, .event = {"stored", 6}, CHAIN_NO_NUMBERS};
	int n = snprintf(id, sizeof id, "%02x-5-%u", shard, seq);

	r.id = (struct chain_text){id, (size_t)n};
	assert_int_equal(ledger_add(l, &r), 0);
}

static long size_of(const char *p)
{
	struct stat st;

	return stat(p, &st) == 0 ? (long)st.st_size : -1;
}

static int setup(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/tgu-XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/audit.log", dir);
	old[0] = '\0';
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	return remove_folder(dir);
}

/* Opens a second ledger on the same file, as a restarted recorder does, and compares. */
static void assert_continues(const struct evidence_mark *m)
{
	struct ledger *l = make(1 << 20);

	assert_int_equal(ledger_open(l), 0);
	assert_int_equal(ledger_mark(l)->n, m->n + 1); /* its own checkpoint */
	assert_memory_equal(ledger_mark(l)->pos, m->pos, sizeof m->pos);
	assert_string_equal(ledger_mark(l)->epoch, m->epoch);
	ledger_free(l);
}

/* Removes what tells how far the log was signed. */
static void forget_notes(void)
{
	char note[128];

	snprintf(note, sizeof note, "%s.tiles/checkpoint", path);
	assert_int_equal(unlink(note), 0);
}

static void open_after_commit_continues_with_positions_and_epoch(void **state)
{
	struct ledger *l = make(1 << 20);
	struct evidence_mark m;

	(void)state;
	assert_int_equal(ledger_open(l), 0);
	assert_int_equal(ledger_mark(l)->n, 1);
	ledger_set_epoch(l, "0123456789abcdef0123456789abcdef");
	assert_int_equal(ledger_checkpoint(l, "epoch"), 0);
	add(l, 3, 1);
	add(l, 63, 1);
	add(l, 3, 2);
	assert_int_equal(ledger_commit(l), 0);
	m = *ledger_mark(l);
	assert_int_equal(m.pos[3].seq, 2);
	assert_int_equal(m.unsigned_lines, 3);
	ledger_free(l); /* as if killed: no last checkpoint */
	assert_continues(&m);
}

static void open_after_a_torn_line_cuts_it_off(void **state)
{
	struct ledger *l = make(1 << 20);
	struct evidence_mark m;
	long whole;
	FILE *f;

	(void)state;
	assert_int_equal(ledger_open(l), 0);
	add(l, 1, 1);
	assert_int_equal(ledger_commit(l), 0);
	m = *ledger_mark(l);
	ledger_free(l);
	whole = size_of(path);
	for (size_t n = 1; n < 40; n += 13) {
		f = fopen(path, "a");
		assert_int_equal(
			fwrite("{\"n\":99999,\"time\":\"2026-01-01T00:00:00.0", 1, n, f), n);
		fclose(f);
		l = make(1 << 20);
		assert_int_equal(ledger_open(l), 0);
		assert_int_equal(ledger_mark(l)->n, m.n + 1);
		m = *ledger_mark(l);
		ledger_free(l);
		assert_true(size_of(path) > whole);
	}
	assert_int_equal(m.pos[1].seq, 1);
}

static void open_after_a_change_refuses_and_changes_nothing(void **state)
{
	struct ledger *l = make(1 << 20);
	char byte;
	long size;
	int fd;

	(void)state;
	assert_int_equal(ledger_open(l), 0);
	add(l, 1, 1);
	add(l, 1, 2);
	assert_int_equal(ledger_commit(l), 0);
	ledger_free(l);
	size = size_of(path);
	fd = open(path, O_RDWR);
	assert_int_equal(pread(fd, &byte, 1, size - 300), 1);
	byte ^= 1;
	assert_int_equal(pwrite(fd, &byte, 1, size - 300), 1);
	close(fd);
	l = make(1 << 20);
	assert_int_equal(ledger_open(l), TG_EINVAL);
	assert_false(ledger_is_open(l));
	assert_int_equal(size_of(path), size);
	ledger_free(l);
}

static void commit_that_fails_counts_for_nothing(void **state)
{
	struct ledger *l = make(1 << 20);
	struct rlimit small = {0, 0}, was;
	struct evidence_mark m;
	long size;

	(void)state;
	assert_int_equal(ledger_open(l), 0);
	m = *ledger_mark(l);
	size = size_of(path);
	add(l, 1, 1);
	add(l, 1, 2);
	getrlimit(RLIMIT_FSIZE, &was);
	small.rlim_cur = (rlim_t)size + 100; /* not even one line */
	small.rlim_max = was.rlim_max;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_int_equal(ledger_commit(l), TG_EIO);
	assert_int_equal(errno, EFBIG);
	assert_false(ledger_is_open(l));
	assert_int_equal(size_of(path), size);
	assert_memory_equal(ledger_mark(l), &m, sizeof m);
	assert_int_equal(ledger_open(l), TG_EIO);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
	assert_int_equal(ledger_open(l), 0);
	add(l, 1, 1);
	assert_int_equal(ledger_commit(l), 0);
	assert_int_equal(ledger_mark(l)->n, m.n + 2);
	ledger_free(l);
}

static void checkpoint_beyond_the_size_begins_a_new_file(void **state)
{
	struct ledger *l = make(2000);
	struct evidence_mark m;
	struct tail t;
	int fd;

	(void)state;
	assert_int_equal(ledger_open(l), 0);
	for (unsigned i = 1; i < 20; i++)
		add(l, 7, i);
	assert_int_equal(ledger_commit(l), 0);
	assert_int_equal(ledger_checkpoint(l, "time"), 0);
	m = *ledger_mark(l);
	assert_int_equal(m.n, 1 + 19 + 1 + 1); /* begin, events, rotation, begin */
	assert_true(tail_newest(path, old, sizeof old));
	assert_non_null(strstr(old, "/audit.log.000000000001"));
	fd = open(old, O_RDONLY);
	assert_int_equal(tail_read(fd, &t), 0);
	close(fd);
	assert_int_equal(t.mark.n, m.n - 1);
	ledger_free(l);
	assert_continues(&m);
	/* Killed between the two steps of rotating: the rotated file has the thread. */
	m = t.mark;
	unlink(path);
	forget_notes();
	assert_continues(&m);
}

/* Somebody put an older copy in the file's place, or cut off its end. */
static void open_of_an_older_file_than_was_signed_is_refused(void **state)
{
	struct ledger *l = make(1 << 20);
	struct evidence_mark m;
	struct stat st;

	(void)state;
	assert_int_equal(ledger_open(l), 0);
	add(l, 7, 1);
	assert_int_equal(ledger_commit(l), 0);
	assert_int_equal(ledger_checkpoint(l, "time"), 0);
	assert_int_equal(stat(path, &st), 0);
	m = *ledger_mark(l);
	add(l, 7, 2);
	assert_int_equal(ledger_commit(l), 0);
	ledger_free(l);
	assert_int_equal(truncate(path, st.st_size), 0); /* nothing behind that was signed */
	assert_continues(&m);
	assert_int_equal(truncate(path, st.st_size), 0);
	l = make(1 << 20);
	assert_int_equal(ledger_open(l), TG_EINVAL);
	assert_int_equal(ledger_open(l), TG_EINVAL);
	ledger_free(l);
	forget_notes();
	assert_continues(&m);
}

static void checkpoint_removes_rotated_files_that_are_too_old(void **state)
{
	struct ledger *l = make(2000);
	const struct utimbuf long_ago = {time(NULL) - 2 * 86400, time(NULL) - 2 * 86400};
	char first[96];

	(void)state;
	assert_int_equal(ledger_open(l), 0);
	for (unsigned k = 0; k < 2; k++) {
		for (unsigned i = 1; i < 20; i++)
			add(l, 7, 20 * k + i);
		assert_int_equal(ledger_commit(l), 0);
		assert_int_equal(ledger_checkpoint(l, "time"), 0);
		assert_int_equal(tail_rotated(path, 1, first, sizeof first), 0);
		assert_int_equal(access(first, F_OK), k == 0 ? 0 : -1);
		if (k == 0)
			assert_int_equal(utime(first, &long_ago), 0);
	}
	ledger_free(l);
}

static void checkpoint_of_a_file_that_was_moved_away_closes_it(void **state)
{
	struct ledger *l = make(1 << 20);
	char moved[96];
	uint64_t n;

	(void)state;
	assert_int_equal(ledger_open(l), 0);
	add(l, 1, 1);
	assert_int_equal(ledger_commit(l), 0);
	n = ledger_mark(l)->n;
	snprintf(moved, sizeof moved, "%s/elsewhere", dir);
	assert_int_equal(rename(path, moved), 0);
	assert_int_equal(ledger_checkpoint(l, "time"), TG_EIO);
	assert_int_equal(ledger_open(l), 0); /* the chain goes on in a new file */
	assert_int_equal(ledger_mark(l)->n, n + 1);
	ledger_free(l);
	unlink(moved);
}

static void store_lost_record_begins_positions_anew(void **state)
{
	struct ledger *l = make(1 << 20);
	static const char more[] = "\"epoch\":\"ffffffffffffffffffffffffffffffff\",\"was\":\"\"";
	struct chain_record r = {.event = {CHAIN_STORE_LOST, 10}, CHAIN_NO_NUMBERS};
	struct evidence_mark m;

	(void)state;
	r.more = (struct chain_text){more, strlen(more)};
	assert_int_equal(ledger_open(l), 0);
	add(l, 1, 9);
	assert_int_equal(ledger_commit(l), 0);
	assert_int_equal(ledger_add(l, &r), 0);
	ledger_set_epoch(l, "ffffffffffffffffffffffffffffffff");
	assert_int_equal(ledger_commit(l), 0);
	m = *ledger_mark(l);
	assert_int_equal(m.pos[1].ms, 0);
	ledger_free(l);
	assert_continues(&m);
}

static void other_records_of_its_own_move_positions_as_they_say(void **state)
{
	struct ledger *l = make(1 << 20);
	static const char back[] = "\"01\":\"5-3\",\"3f\":\"0-0\",\"40\":\"1-1\",\"x\":\"1-1\"",
			  over[] = "\"key\":\"ff\",\"02\":\"9-9\"";
	struct chain_record r = {.event = {CHAIN_STORE_REVERTED, 14}, CHAIN_NO_NUMBERS};
	struct evidence_mark m;

	(void)state;
	assert_int_equal(ledger_open(l), 0);
	add(l, 1, 9);
	add(l, 2, 8);
	add(l, 63, 7);
	assert_int_equal(ledger_next(l)->pos[63].seq, 7);
	assert_int_equal(ledger_mark(l)->pos[63].seq, 0);
	r.more = (struct chain_text){back, strlen(back)};
	assert_int_equal(ledger_add(l, &r), 0);
	ledger_set_pos(l, 1, &(struct chain_pos){5, 3});
	ledger_set_pos(l, 63, &(struct chain_pos){0, 0});
	r.event = (struct chain_text){CHAIN_TAKEN_OVER, 10};
	r.more = (struct chain_text){over, strlen(over)};
	assert_int_equal(ledger_add(l, &r), 0);
	assert_int_equal(ledger_commit(l), 0);
	m = *ledger_mark(l);
	assert_true(m.pos[1].seq == 3 && m.pos[2].seq == 8 && m.pos[63].ms == 0);
	ledger_free(l); /* unsigned: the next one follows what the lines say */
	assert_continues(&m);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(open_after_commit_continues_with_positions_and_epoch),
		CASE(open_after_a_torn_line_cuts_it_off),
		CASE(open_after_a_change_refuses_and_changes_nothing),
		CASE(commit_that_fails_counts_for_nothing),
		CASE(checkpoint_beyond_the_size_begins_a_new_file),
		CASE(open_of_an_older_file_than_was_signed_is_refused),
		CASE(checkpoint_removes_rotated_files_that_are_too_old),
		CASE(checkpoint_of_a_file_that_was_moved_away_closes_it),
		CASE(store_lost_record_begins_positions_anew),
		CASE(other_records_of_its_own_move_positions_as_they_say),
	};

	if (sodium_init() < 0 || crypto_sign_keypair(public_key, secret) != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
