/*
 * Goal: each event's line is found by its id, in whichever file it stands; what is in no file is
 * not found.
 */
#include <sodium.h>
#include <string.h>
#include "check.h"
#include <timeglas/errors.h>
#include "recorder/ledger.h"
#include "recorder/record_find.h"
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
		T_(no_file_has_no_event),
	};

	assert_true(sodium_init() >= 0);
	crypto_sign_keypair(public_key, secret);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
