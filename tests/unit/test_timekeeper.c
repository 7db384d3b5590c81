/* Goal: the least that a store's time can be: never more than it is, never far less; steps are
 * seen, slow drift is not mistaken for one. */
#include "check.h"
#include <stdint.h>
#include "base/scoreboard.h"
#include "reaper/timekeeper.h"

#define HOUR_MS INT64_C(3600000)
#define S UINT64_C(1000000)
#define STORE0 INT64_C(1795400000000)

static void timekeeper_least_is_never_ahead_of_the_store(void **state)
{
	struct timekeeper t = {0};

	(void)state;
	assert_int_equal(timekeeper_least_ms(&t, 5 * S), 0);
	assert_int_equal(timekeeper_saw(&t, 5 * S + 1, STORE0), 0);
	assert_true(timekeeper_least_ms(&t, 5 * S + 1) <= STORE0);
	/* An answer that took 300 ms teaches nothing; a quick one does. */
	assert_true(timekeeper_saw(&t, 6 * S + 300000, STORE0 + 1000) < 0);
	assert_in_range(timekeeper_least_ms(&t, 6 * S + 300000), STORE0 + 1290, STORE0 + 1300);
	assert_true(timekeeper_saw(&t, 7 * S, STORE0 + 2000) >= 0);
	assert_in_range(timekeeper_least_ms(&t, 7 * S), STORE0 + 1999, STORE0 + 2000);
}

static void timekeeper_store_stepped_back_least_goes_on(void **state)
{
	struct timekeeper t = {0};

	(void)state;
	timekeeper_saw(&t, 5 * S, STORE0);
	assert_true(timekeeper_saw(&t, 6 * S, STORE0 - HOUR_MS) < -HOUR_MS);
	assert_in_range(timekeeper_least_ms(&t, 65 * S), STORE0 + 59900, STORE0 + 60000);
}

static void timekeeper_store_stepped_forward_is_told_once(void **state)
{
	struct timekeeper t = {0};

	(void)state;
	timekeeper_saw(&t, 5 * S, STORE0);
	assert_in_range(timekeeper_saw(&t, 6 * S, STORE0 + HOUR_MS), HOUR_MS - 1010, HOUR_MS);
	assert_true(timekeeper_saw(&t, 7 * S, STORE0 + HOUR_MS + 1000) < 10);
}

static void timekeeper_slower_store_is_followed(void **state)
{
	struct timekeeper t = {0};

	(void)state;
	/* The store loses 200 us a second against us for a day. */
	for (int64_t s = 0; s < 86400; s++) {
		int64_t store = STORE0 + s * 1000 - s / 5;
		timekeeper_saw(&t, (uint64_t)(s + 1) * S, store);
		assert_in_range(
			timekeeper_least_ms(&t, (uint64_t)(s + 1) * S), store - 5, store + 1);
	}
}

static void timekeeper_init_takes_over_from_a_predecessor(void **state)
{
	struct timekeeper first = {0}, second;
	struct scoreboard *b = scoreboard_new();

	(void)state;
	assert_non_null(b);
	scoreboard_attach(b);
	timekeeper_init(&first, 4 * S);
	assert_false(first.known);
	timekeeper_saw(&first, 5 * S, STORE0);
	timekeeper_init(&second, 6 * S);
	assert_in_range(timekeeper_least_ms(&second, 6 * S), STORE0 + 999, STORE0 + 1000);
	scoreboard_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(timekeeper_least_is_never_ahead_of_the_store),
		cmocka_unit_test(timekeeper_store_stepped_back_least_goes_on),
		cmocka_unit_test(timekeeper_store_stepped_forward_is_told_once),
		cmocka_unit_test(timekeeper_slower_store_is_followed),
		cmocka_unit_test(timekeeper_init_takes_over_from_a_predecessor),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
