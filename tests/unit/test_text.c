/* Goal: texts are copied and joined in buffers of fixed size, and never beyond them. */
#include "check.h"
#include <stdio.h>
#include <string.h>
#include "base/text.h"

static void join_puts_everything_behind_what_there_is(void **state)
{
	char buf[32];
	struct text t = text_in(buf, sizeof buf);

	(void)state;
	assert_string_equal(buf, "");
	text_join(&t, "a", "", "bc");
	text_add(&t, "-");
	text_add_n(&t, "defg", 2);
	assert_string_equal(buf, "abc-de");
	assert_int_equal(text_len(&t), 6);
}

static void num_writes_what_printf_would(void **state)
{
	static const int64_t number[] = {
		0, 1, -1, 9, 10, 99, 100, -100, 1764329146955, INT64_MAX, INT64_MIN};

	(void)state;
	for (size_t i = 0; i < sizeof number / sizeof *number; i++) {
		char buf[32], want[32];
		struct text t = text_in(buf, sizeof buf);
		text_num(&t, number[i]);
		snprintf(want, sizeof want, "%lld", (long long)number[i]);
		assert_string_equal(buf, want);
	}
}

static void what_does_not_fit_is_cut(void **state)
{
	char buf[5] = "xxxx";
	struct text t = text_in(buf, 4);

	(void)state;
	text_join(&t, "ab", "cdef", "g");
	text_num(&t, 12);
	assert_string_equal(buf, "abc");
	assert_ptr_equal(t.at, t.end);
	text_copy(buf, 3, "long");
	assert_string_equal(buf, "lo");
	text_copy(buf, 1, "long");
	assert_string_equal(buf, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(join_puts_everything_behind_what_there_is),
		cmocka_unit_test(num_writes_what_printf_would),
		cmocka_unit_test(what_does_not_fit_is_cut),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
