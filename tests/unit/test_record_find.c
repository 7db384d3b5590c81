/*
 * Goal: each event's line is found by its id, in whichever file it stands; what is in no file is
 * not found.
 */
#include <inttypes.h>
#include <limits.h>
#include <sodium.h>
#include <string.h>
#include <time.h>
#include "check.h"
#include <timeglas/errors.h>
#include "base/clock.h"
#include "recorder/ledger.h"
#include "recorder/record_find.h"
#include "recorder/tail.h"
#include "test_dir.h"

#define ROUNDS 400u

static uint8_t public_key[CHAIN_KEY], secret[CHAIN_SECRET];

static void add(struct ledger *l, const char *id)
{
	struct chain_record r = {.time_ms = 1700000000000,
		.id = {id, id != NULL ? strlen(id) : 0},
		.event = {"\",\"id\":\"02-5-1\"", 16}, /* says an id, which is none */
		.dk = -1,
		.size_bytes = -1,
		.deadline_ms = -1,
		.lease_ms = -1,
		.late_us = -1};

	assert_int_equal(ledger_add(l, &r), 0);
}

/* Events of shard 2 (each round one) and 3 (each tenth round), and the recorder's own. */
static void write_log(uint64_t rotate_bytes)
{
	const struct ledger_opts o = {.path = in_dir("audit.log"),
		.secret = secret,
		.rotate_bytes = rotate_bytes,
		.rotate_s = 86400};
	struct ledger *l = ledger_new(&o);
	char id[32];

	assert_non_null(l);
	assert_int_equal(ledger_open(l), 0);
	for (unsigned i = 1; i <= ROUNDS; i++) {
		snprintf(id, sizeof id, "02-%u-0", 2 * i);
		add(l, id);
		snprintf(id, sizeof id, "03-%u-7", i);
		if (i % 10 == 0)
			add(l, id);
		if (i % 7 == 0)
			add(l, NULL);
		assert_int_equal(ledger_commit(l), 0);
		if (i % 50 == 0)
			assert_int_equal(ledger_checkpoint(l, "time"), 0);
	}
	ledger_free(l);
}

static int find(unsigned shard, uint64_t ms, uint64_t seq)
{
	static char line[CHAIN_LINE_MAX];
	const struct chain_pos pos = {ms, seq};
	struct chain_line l;
	struct chain_pos is;
	unsigned of;
	uint64_t number = 0;
	size_t n = 0;
	const int err = record_find(in_dir("audit.log"), shard, &pos, line, &n, &number);

	if (err != 0)
		return err;
	assert_int_equal(chain_scan(line, n, &l), 0);
	assert_int_equal(chain_id_parse(l.record.id.p, l.record.id.n, &of, &is), 0);
	assert_true(of == shard && chain_pos_cmp(&is, &pos) == 0);
	assert_int_equal(l.record.n, number);
	return 0;
}

static void each_event_is_found_and_no_other(uint64_t rotate_bytes)
{
	write_log(rotate_bytes);
	for (unsigned i = 1; i <= ROUNDS; i++) {
		assert_int_equal(find(2, 2 * i, 0), 0);
		assert_int_equal(find(2, 2 * i, 1), TG_ENOENT);
		assert_int_equal(find(2, 2 * i + 1, 0), TG_ENOENT);
		assert_int_equal(find(3, i, 7), i % 10 == 0 ? 0 : TG_ENOENT);
	}
	assert_int_equal(find(2, 0, 0), TG_ENOENT);
	assert_int_equal(find(2, UINT64_MAX, UINT64_MAX), TG_ENOENT);
	assert_int_equal(find(2, 5, 1), TG_ENOENT);
	assert_int_equal(find(4, 10, 0), TG_ENOENT);
}

static void each_event_of_one_file_is_found(void **state)
{
	(void)state;
	each_event_is_found_and_no_other(1 << 20);
}

static void each_event_of_many_files_is_found(void **state)
{
	(void)state;
	each_event_is_found_and_no_other(9000);
	assert_int_equal(access(in_dir("audit.log.000000000001"), F_OK), 0);
}

/* Another store, whose clock ran back, gives ids anew. Half of the ids of each stand in the other.
 * What is asked for by its id alone may be either's, or is not found: a line with another id is
 * never given (find() looks), nor one for an id that neither gave. */
static void an_id_that_came_again_is_found_or_not(void **state)
{
	const struct ledger_opts o = {.path = in_dir("audit.log"),
		.secret = secret,
		.rotate_bytes = 1 << 20,
		.rotate_s = 86400};
	struct ledger *l = ledger_new(&o);
	unsigned found = 0;
	char id[32];

	(void)state;
	assert_non_null(l);
	assert_int_equal(ledger_open(l), 0);
	for (unsigned store = 0; store < 2; store++) {
		ledger_set_epoch(l, store == 0 ? "a" : "b");
		for (unsigned i = 1; i <= ROUNDS; i++) {
			snprintf(id, sizeof id, "02-%u-0", 1000 + 2 * i - store * ROUNDS);
			add(l, id);
		}
		assert_int_equal(ledger_commit(l), 0);
		assert_int_equal(ledger_checkpoint(l, "epoch"), 0);
	}
	ledger_free(l);
	for (unsigned ms = 1; ms < 1000 + 3 * ROUNDS; ms++) {
		const int err = find(2, ms, 0);

		assert_true(err == 0 || err == TG_ENOENT);
		if (ms % 2 != 0 || ms <= 1000 - ROUNDS || ms > 1000 + 2 * ROUNDS)
			assert_int_equal(err, TG_ENOENT);
		found += err == 0;
	}
	assert_true(found >= ROUNDS / 2);
}

static void no_file_has_no_event(void **state)
{
	FILE *f;

	(void)state;
	assert_int_equal(find(2, 2, 0), TG_ENOENT);
	f = fopen(in_dir("audit.log"), "w");
	assert_non_null(f);
	fclose(f);
	assert_int_equal(find(2, 2, 0), TG_ENOENT);
	f = fopen(in_dir("audit.log"), "w");
	assert_int_equal(fwrite("{\"n\":1,", 1, 7, f), 7); /* half a line */
	fclose(f);
	assert_int_equal(find(2, 2, 0), TG_ENOENT);
}

/* Whoever asks may choose any id: also one right behind an event's. */
static void what_stands_between_two_events_is_not_found(void **state)
{
	const struct ledger_opts o = {.path = in_dir("audit.log"),
		.secret = secret,
		.rotate_bytes = 1 << 30,
		.rotate_s = 86400};
	struct ledger *l = ledger_new(&o);
	unsigned shard[4000], drawn = 1;
	char id[32];

	(void)state;
	assert_non_null(l);
	assert_int_equal(ledger_open(l), 0);
	for (unsigned i = 0; i < 4000; i++) {
		drawn = drawn * 1103515245 + 12345;
		shard[i] = drawn >> 20 & 63;
		snprintf(id, sizeof id, "%02x-%u-0", shard[i], 2 * i + 2);
		add(l, id);
	}
	assert_int_equal(ledger_commit(l), 0);
	ledger_free(l);
	for (unsigned i = 0; i < 4000; i++) {
		assert_int_equal(find(shard[i], 2 * i + 2, 0), 0);
		assert_int_equal(find(shard[i], 2 * i + 3, 0), TG_ENOENT);
	}
}

static double cpu_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* What a search costs, in ms of the processor. */
static double search_ms(unsigned shard, uint64_t ms)
{
	const double began = cpu_ms();

	(void)find(shard, ms, 0);
	return cpu_ms() - began;
}

/* What it costs to read all lines of the file, in this build and on this machine. */
static double all_lines_ms(void)
{
	static char line[CHAIN_LINE_MAX];
	FILE *f = fopen(in_dir("audit.log"), "r");
	struct chain_line l;
	double sum = 0;

	assert_non_null(f);
	while (fgets(line, sizeof line, f) != NULL) {
		const double began = cpu_ms();

		assert_int_equal(chain_scan(line, strlen(line) - 1, &l), 0);
		sum += cpu_ms() - began;
	}
	fclose(f);
	return sum;
}

/* What it costs to look for a file among those of the folder. */
static double older_ms(void)
{
	char path[PATH_MAX];
	uint64_t first;
	double least = 1e9;

	for (int k = 0; k < 5; k++) {
		const double began = cpu_ms();

		assert_true(tail_older(in_dir("audit.log"), UINT64_MAX, path, sizeof path, &first));
		least = cpu_ms() - began < least ? cpu_ms() - began : least;
	}
	return least;
}

static double worst_ms(unsigned shard, uint64_t from_ms, uint64_t step_ms)
{
	double worst = 0, least;

	for (uint64_t i = 0; i < 20; i++) {
		least = 1e9; /* of some: others use this machine, too */
		for (int k = 0; k < 4; k++) {
			const double ms = search_ms(shard, from_ms + i * step_ms);
			least = ms < least ? ms : least;
		}
		worst = least > worst ? least : worst;
	}
	return worst;
}

/* One uploader can fill the evidence with events of one shard; then another one is asked for, at
 * any time. */
static void search_costs_little_whatever_others_have_stored(void **state)
{
	const struct ledger_opts o = {.path = in_dir("audit.log"),
		.secret = secret,
		.rotate_bytes = 1 << 30,
		.rotate_s = 86400};
	struct ledger *l;
	const uint64_t now_ms = (uint64_t)clock_wall_ms();
	const unsigned n = 120000;
	char id[32];
	double all;

	skip_under_memcheck();
	(void)state;
	l = ledger_new(&o);
	assert_non_null(l);
	assert_int_equal(ledger_open(l), 0);
	add(l, "07-5-0"); /* the only one of its shard */
	for (unsigned i = 0; i < n; i++) {
		snprintf(id, sizeof id, "05-%" PRIu64 "-0", now_ms - n + i);
		add(l, id);
		if (i % 4000 == 0)
			assert_int_equal(ledger_commit(l), 0);
		if (i % 4000 == 0)
			assert_int_equal(ledger_checkpoint(l, "time"), 0);
	}
	add(l, "06-18446744073709551000-0");
	assert_int_equal(ledger_commit(l), 0);
	ledger_free(l);
	assert_int_equal(find(7, 5, 0), 0);
	assert_int_equal(find(6, 18446744073709551000U, 0), 0);
	assert_int_equal(find(5, now_ms - 7, 0), 0);
	all = all_lines_ms();
	for (unsigned shard = 5; shard <= 8; shard++) {
		assert_true(worst_ms(shard, now_ms - n, n / 20) < all / 8);
		assert_true(worst_ms(shard, 1, 1) < all / 8);
		assert_true(worst_ms(shard, UINT64_MAX - 20, 1) < all / 8);
	}
}

static void search_costs_little_however_many_files_there_are(void **state)
{
	char newest[PATH_MAX], more[PATH_MAX];
	uint64_t first;

	skip_under_memcheck();
	(void)state;
	write_log(9000);
	assert_true(tail_older(in_dir("audit.log"), UINT64_MAX, newest, sizeof newest, &first));
	for (unsigned i = 1; i <= 1500; i++) {
		assert_int_equal(
			tail_rotated(in_dir("audit.log"), first + i, more, sizeof more), 0);
		assert_int_equal(link(newest, more), 0);
	}
	assert_int_equal(find(2, 2, 0), 0);
	assert_int_equal(find(2, 2 * ROUNDS, 0), 0);
	assert_true(worst_ms(2, 1, 2) < 50 * older_ms()); /* and not one for each file */
	assert_true(worst_ms(4, 1, 1) < 50 * older_ms());
}

/* The recorder was away for an hour; and the store went back to what it was before. */
static void event_that_came_late_is_found(void **state)
{
	const uint64_t then_ms = (uint64_t)clock_wall_ms() - 3600000;
	const struct ledger_opts o = {.path = in_dir("audit.log"),
		.secret = secret,
		.rotate_bytes = 1 << 30,
		.rotate_s = 86400};
	struct ledger *l = ledger_new(&o);
	const struct chain_pos back = {then_ms - 1, 0};
	char id[32];

	(void)state;
	assert_non_null(l);
	assert_int_equal(ledger_open(l), 0);
	for (unsigned i = 0; i < 2000; i++) {
		snprintf(id, sizeof id, "%02x-%" PRIu64 "-%u", i < 1000 ? 5 : 6, then_ms, i);
		add(l, id);
		assert_int_equal(ledger_commit(l), 0);
		if (i == 1500)
			ledger_set_pos(l, 5, &back);
		if (i % 50 == 0)
			assert_int_equal(ledger_checkpoint(l, "time"), 0);
	}
	ledger_free(l);
	for (unsigned i = 0; i < 2000; i++)
		assert_int_equal(find(i < 1000 ? 5 : 6, then_ms, i), 0);
	assert_int_equal(find(5, then_ms, 1000), TG_ENOENT);
	assert_int_equal(find(6, then_ms, 999), TG_ENOENT);
}

static int clear(void **state)
{
	(void)state;
	return remove_folder(test_dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T_(name) cmocka_unit_test_setup_teardown(name, test_dir_make, clear)
		T_(each_event_of_one_file_is_found),
		T_(each_event_of_many_files_is_found),
		T_(an_id_that_came_again_is_found_or_not),
		T_(no_file_has_no_event),
		T_(what_stands_between_two_events_is_not_found),
		T_(search_costs_little_whatever_others_have_stored),
		T_(search_costs_little_however_many_files_there_are),
		T_(event_that_came_late_is_found),
	};

	assert_true(sodium_init() >= 0);
	crypto_sign_keypair(public_key, secret);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
