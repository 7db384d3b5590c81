/* test_histogram.c: the quantiles that the benchmarks report are those of what was counted, within
 * 0.1 %. */
#include "check.h"
#include <math.h>
#include "../../bench/histogram.h"

static void histogram_quantile_of_small_values_is_exact(void **state)
{
	struct histogram *h = histogram_new();

	(void)state;
	for (int64_t i = 1; i <= 1000; i++)
		histogram_add(h, i);
	assert_int_equal(histogram_count(h), 1000);
	assert_true(fabs(histogram_quantile(h, 0.5) - 500) < 0.01);
	assert_true(fabs(histogram_quantile(h, 0.999) - 999) < 0.01);
	assert_true(fabs(histogram_quantile(h, 1) - 1000) < 0.01);
	histogram_free(h);
}

/* Each alone between two others, so that the median is what its bucket says of it. */
static void histogram_quantile_of_any_value_is_within_a_thousandth(void **state)
{
	(void)state;
	for (double v = 1; v < 6e10; v *= 1.0137) {
		struct histogram *h = histogram_new();
		double said;

		histogram_add(h, 0);
		histogram_add(h, (int64_t)v);
		histogram_add(h, INT64_C(1) << 40);
		said = histogram_quantile(h, 0.5);
		assert_true(fabs(said - floor(v)) <= v / 1000);
		histogram_free(h);
	}
}

static void histogram_largest_is_exact_and_nothing_is_lost_at_the_ends(void **state)
{
	struct histogram *h = histogram_new();

	(void)state;
	histogram_add(h, -5);
	histogram_add(h, 123456789);
	assert_true(histogram_quantile(h, 0.5) < 1);
	assert_true(fabs(histogram_quantile(h, 1) - 123456789) < 0.01);
	histogram_add(h, INT64_C(200000000000));
	assert_true(fabs(histogram_quantile(h, 1) - 2e11) < 1);
	assert_int_equal(histogram_count(h), 3);
	histogram_free(h);
}

static void histogram_merge_is_as_if_all_had_been_added_to_one(void **state)
{
	struct histogram *a = histogram_new(), *b = histogram_new();

	(void)state;
	for (int64_t i = 0; i < 99; i++)
		histogram_add(a, 1000);
	histogram_add(b, 5000000);
	histogram_merge(a, b);
	assert_int_equal(histogram_count(a), 100);
	assert_true(fabs(histogram_quantile(a, 0.99) - 1000) <= 1);
	assert_true(fabs(histogram_quantile(a, 1) - 5e6) < 0.01);
	histogram_free(a);
	histogram_free(b);
}

static void histogram_without_values_says_zero(void **state)
{
	struct histogram *h = histogram_new();

	(void)state;
	assert_true(histogram_quantile(h, 0.5) < 0.5 && histogram_quantile(h, 1) < 0.5);
	histogram_free(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(histogram_quantile_of_small_values_is_exact),
		cmocka_unit_test(histogram_quantile_of_any_value_is_within_a_thousandth),
		cmocka_unit_test(histogram_largest_is_exact_and_nothing_is_lost_at_the_ends),
		cmocka_unit_test(histogram_merge_is_as_if_all_had_been_added_to_one),
		cmocka_unit_test(histogram_without_values_says_zero),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
