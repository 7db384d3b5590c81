/* Goal: the error table is whole: every code has a text, a slug nobody else has, a plausible
 * status, and only codes of the wire have one. */
#include "check.h"

#define ROW(name, number, status, slug, retryable, text) {TG_##name, status, retryable, slug, text},
static const struct {
	int code, status, retryable;
	const char *slug, *text;
} ROWS[] = {TG_ERRORS(ROW)};

static void lookups_every_code_give_its_row(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEN(ROWS); i++) {
		assert_true(ROWS[i].code < 0);
		assert_string_equal(tg_strerror(ROWS[i].code), ROWS[i].text);
		assert_string_equal(tg_error_slug(ROWS[i].code), ROWS[i].slug);
		assert_int_equal(tg_error_status(ROWS[i].code), ROWS[i].status);
		assert_int_equal(tg_error_retryable(ROWS[i].code), ROWS[i].retryable);
	}
}

static void table_codes_and_slugs_are_unique(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEN(ROWS); i++)
		for (size_t j = 0; j < i; j++) {
			assert_int_not_equal(ROWS[i].code, ROWS[j].code);
			assert_string_not_equal(ROWS[i].slug, ROWS[j].slug);
		}
}

static void status_of_every_row_is_an_http_error_or_none(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEN(ROWS); i++) {
		if (ROWS[i].code > -64)
			assert_in_range(ROWS[i].status, 400, 599);
		else
			assert_int_equal(ROWS[i].status, 0);
	}
}

static void lookups_unknown_code_are_harmless(void **state)
{
	static const int codes[] = {-63, -1000, 1, 7};

	(void)state;
	assert_string_equal(tg_strerror(0), "ok");
	for (size_t i = 0; i < LEN(codes); i++) {
		assert_string_equal(tg_strerror(codes[i]), "unknown error");
		assert_string_equal(tg_error_slug(codes[i]), "internal");
		assert_int_equal(tg_error_status(codes[i]), 0);
		assert_int_equal(tg_error_retryable(codes[i]), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lookups_every_code_give_its_row),
		cmocka_unit_test(table_codes_and_slugs_are_unique),
		cmocka_unit_test(status_of_every_row_is_an_http_error_or_none),
		cmocka_unit_test(lookups_unknown_code_are_harmless),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
