/* test_spread.c: what the benchmarks say of several rounds: the median, and the interval that holds
 * it with 95 %. */
#include "check.h"
#include <math.h>
#include "../../bench/spread.h"

static struct spread of(unsigned n)
{
	double v[100];

	for (unsigned i = 0; i < n; i++)
		v[i] = (double)((i * 7) % n) + 1;
	return spread_of(v, n);
}

static void perf_spread_is_of_what_is_a_number(void **state)
{
	double v[] = {3, (double)NAN, 1, 2};
	struct spread s = spread_of(v, 4);

	(void)state;
	assert_int_equal(s.n, 3);
	assert_true(s.min == 1 && s.median == 2 && s.max == 3);
}

/* The order statistics that tables of the sign test name for 95 %. */
static void perf_interval_is_the_sign_tests(void **state)
{
	static const struct {
		unsigned n, from_end;
	} table[] = {{6, 1}, {8, 1}, {9, 2}, {11, 2}, {12, 3}, {15, 4}, {20, 6}, {25, 8}, {50, 18}};

	(void)state;
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		struct spread s = of(table[i].n);

		assert_int_equal((int)s.low, table[i].from_end);
		assert_int_equal((int)s.high, table[i].n + 1 - table[i].from_end);
	}
}

static void perf_interval_of_five_is_none(void **state)
{
	struct spread s = of(5);

	(void)state;
	assert_true(isnan(s.low) && isnan(s.high));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(perf_spread_is_of_what_is_a_number),
		cmocka_unit_test(perf_interval_is_the_sign_tests),
		cmocka_unit_test(perf_interval_of_five_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
