/*
 * Goal: a table of refused reads loses no attempt and mixes up no two; what one peer adds to the
 * evidence stays below its bound however its attempts are spread; and no peer hides another.
 */
#include "check.h"
#include <inttypes.h>
#include "api/attempts.h"
#include "base/allowance.h"

#define MIB (1024u * 1024)
#define DAY_S 86400u
#define MILLION 1000000u
/* what a line of a record, and a checkpoint that nothing else asked for, take at most */
#define RECORD 480u
#define CHECKPOINT 2600u

static struct attempts *table;
static struct allowance *shared;
static struct attempt out;

static int setup(void **state)
{
	(void)state;
	shared = allowance_new();
	assert_non_null(shared);
	allowance_attach(shared);
	table = attempts_new(1);
	assert_non_null(table);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	attempts_free(table);
	allowance_free(shared);
	return 0;
}

static bool note(const char *id, const char *peer, enum refused why, uint64_t at_ms)
{
	struct attempt x = {.why = why, .first_ms = at_ms, .last_ms = at_ms, .count = 1};

	snprintf(x.id, sizeof x.id, "%s", id);
	snprintf(x.peer, sizeof x.peer, "%s", peer);
	return attempts_add(table, &x);
}

static bool next(uint64_t now_s)
{
	attempts_tick(table, now_s);
	return attempts_next(table, now_s, &out);
}

static void assert_out(const char *id, const char *peer, enum refused why, uint64_t count)
{
	assert_string_equal(out.id, id);
	assert_string_equal(out.peer, peer);
	assert_int_equal(out.why, why);
	assert_int_equal(out.count, count);
}

static void first_is_due_at_once_and_the_rest_with_the_minute(void **state)
{
	(void)state;
	assert_false(attempts_any(table));
	assert_true(note("A", "v", REFUSED_SECOND_FETCH, 1000));
	assert_true(next(1));
	assert_out("A", "v", REFUSED_SECOND_FETCH, 1);
	for (uint64_t ms = 2000; ms < 22000; ms += 1000)
		assert_false(note("A", "v", REFUSED_SECOND_FETCH, ms));
	assert_false(next(60));
	assert_true(next(61));
	assert_out("A", "v", REFUSED_SECOND_FETCH, 20);
	assert_int_equal(out.first_ms, 2000);
	assert_int_equal(out.last_ms, 21000);
	/* it goes on: no first attempt again */
	assert_false(note("A", "v", REFUSED_SECOND_FETCH, 62000));
	assert_false(next(120));
	assert_true(next(121));
	assert_true(attempts_any(table));
	assert_false(next(181));
	assert_false(attempts_any(table));
	assert_true(note("A", "v", REFUSED_SECOND_FETCH, 182000));
}

static void rows_are_of_a_blob_a_peer_and_a_reason(void **state)
{
	unsigned rows = 0;

	(void)state;
	for (int i = 0; i < 3; i++) {
		note("A", "v", REFUSED_SECOND_FETCH, 1);
		note("B", "v", REFUSED_SECOND_FETCH, 1);
		note("A", "w", REFUSED_SECOND_FETCH, 1);
		note("A", "v", REFUSED_WRONG_ROLE, 1);
		note("C", "v", REFUSED_UNKNOWN, 1); /* as */
		note("D", "v", REFUSED_UNKNOWN, 1); /* one */
	}
	for (; next(1); rows++)
		assert_int_equal(out.count, out.why == REFUSED_UNKNOWN ? 6 : 3);
	assert_int_equal(rows, 5);
}

static void what_could_not_be_told_is_due_again(void **state)
{
	struct attempt back;

	(void)state;
	note("A", "v", REFUSED_WRONG_CLAIM, 5);
	assert_true(next(1));
	back = out;
	note("A", "v", REFUSED_WRONG_CLAIM, 9);
	attempts_add(table, &back);
	assert_true(next(61));
	assert_out("A", "v", REFUSED_WRONG_CLAIM, 2);
	assert_int_equal(out.first_ms, 5);
	assert_int_equal(out.last_ms, 9);
}

static void at_the_end_everything_is_told(void **state)
{
	uint64_t total = 0;
	char id[16];

	(void)state;
	assert_true(allowance_take("v", 1, ALLOWANCE_BYTES - 5 * RECORD - CHECKPOINT, 0));
	for (int i = 0; i < 200; i++) {
		snprintf(id, sizeof id, "%d", i);
		note(id, "v", REFUSED_SECOND_FETCH, 1);
	}
	for (total = 0; next(1); total += out.count)
		;
	/* five by their blobs, and once what found no row, which no allowance is asked for */
	assert_int_equal(total, 5 + 200 - ATTEMPTS_ROWS);
	attempts_end(table);
	for (; next(1); total += out.count)
		assert_string_equal(out.id, "");
	assert_int_equal(total, 200);
}

/* Bytes that a million attempts of "v" add, so many a second, over n ids in turn; another peer is
 * refused once in each hour meanwhile, and told of by the blob at once. */
static uint64_t flood(unsigned a_second, unsigned n, enum refused why)
{
	uint64_t bytes = 0, done = 0, counted = 0, others = 0, told_of = 0;
	char id[TOKEN_LEN + 1];

	for (uint64_t s = 1; done < MILLION; s++) {
		bool wrote = false;

		for (unsigned i = 0; i < a_second && done < MILLION; i++, done++) {
			snprintf(id, sizeof id, "%" PRIu64, done % n);
			note(id, "v", why, s * 1000);
		}
		if (s % 3600 == 60) {
			note("X", "other", REFUSED_SECOND_FETCH, s * 1000);
			others++;
		}
		while (next(s)) {
			if (strcmp(out.peer, "other") == 0) {
				assert_out("X", "other", REFUSED_SECOND_FETCH, 1);
				told_of++;
				continue;
			}
			counted += out.count;
			bytes += RECORD;
			wrote = true;
		}
		bytes += wrote ? CHECKPOINT : 0;
	}
	assert_int_equal(told_of, others);
	attempts_end(table);
	for (; next(DAY_S); bytes += RECORD)
		counted += out.count;
	assert_int_equal(counted, MILLION);
	return bytes;
}

static void a_million_attempts_of_one_peer_add_a_mebibyte_at_most(void **state)
{
	/* at once, in minutes, over a day; on one blob, or each on its own */
	static const unsigned a_second[] = {MILLION, 10000, 300, 12}, ids[] = {MILLION, 1};
	static const enum refused why[] = {REFUSED_SECOND_FETCH, REFUSED_NOT_ADDRESSED};
	const size_t cases = under_memcheck() ? 1 : LEN(a_second) * LEN(ids) * LEN(why);
	uint64_t most = 0;

	(void)state;
	for (size_t i = 0; i < cases; i++) {
		const uint64_t bytes = flood(a_second[i % LEN(a_second)],
			ids[i / LEN(a_second) % LEN(ids)], why[i / LEN(a_second) / LEN(ids)]);

		most = bytes > most ? bytes : most;
		teardown(NULL);
		setup(NULL);
	}
	print_message("at most %" PRIu64 " bytes\n", most);
	assert_in_range(most, MIB / 32, MIB); /* the first case alone comes to 63 KiB */
}

static void a_flood_for_other_reasons_does_not_hide_a_second_fetch(void **state)
{
	char id[TOKEN_LEN + 1];

	(void)state;
	for (unsigned i = 0; i < 100000; i++) {
		snprintf(id, sizeof id, "%u", i);
		note(id, "v", REFUSED_NOT_ADDRESSED, 1);
		while (next(1 + i / 100))
			;
	}
	note("stolen", "v", REFUSED_SECOND_FETCH, 1);
	assert_true(next(1001));
	assert_out("stolen", "v", REFUSED_SECOND_FETCH, 1);
}

static void an_allowance_comes_back_and_is_one_for_all_workers(void **state)
{
	(void)state;
	assert_true(allowance_take("v", 100, ALLOWANCE_BYTES, 0));
	assert_false(allowance_take("v", 100, 1, 0));
	assert_true(allowance_take("w", 100, 1, 0));
	assert_false(allowance_take("v", 110, 10 * ALLOWANCE_BYTES_PER_S + 1, 0));
	assert_false(allowance_take("v", 110, 10 * ALLOWANCE_BYTES_PER_S, 1));
	assert_true(allowance_take("v", 110, 10 * ALLOWANCE_BYTES_PER_S, 0));
	assert_false(allowance_take("v", 105, 1, 0)); /* of a worker that read the clock earlier */
	allowance_give("v", 7);
	assert_false(allowance_take("v", 110, 8, 0));
	assert_true(allowance_take("v", 110, 7, 0));
	allowance_give("v", UINT32_MAX);
	assert_true(allowance_take("v", 110, ALLOWANCE_BYTES, 0));
}

#define case_(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		case_(first_is_due_at_once_and_the_rest_with_the_minute),
		case_(rows_are_of_a_blob_a_peer_and_a_reason),
		case_(what_could_not_be_told_is_due_again),
		case_(at_the_end_everything_is_told),
		case_(a_million_attempts_of_one_peer_add_a_mebibyte_at_most),
		case_(a_flood_for_other_reasons_does_not_hide_a_second_fetch),
		case_(an_allowance_comes_back_and_is_one_for_all_workers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
