/* Goal: what jsonw writes is JSON that jansson reads back as the same values, whatever bytes the
 * strings hold. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <jansson.h>

#include "base/jsonw.h"

static json_t *parse(struct jsonw *w)
{
	size_t n = 0;
	json_error_t e;
	const char *text = jsonw_text(w, &n);
	assert_non_null(text);
	assert_int_equal(strlen(text), n);
	json_t *o = json_loadb(text, n, JSON_REJECT_DUPLICATES, &e);
	assert_non_null(o);
	jsonw_free(w);
	return o;
}

static void jsonw_every_type_reads_back(void **state)
{
	struct jsonw w = {0};
	(void)state;
	jsonw_open(&w, NULL, '{');
	jsonw_str(&w, "s", "plain");
	jsonw_str(&w, "none", NULL);
	jsonw_str(&w, "empty", "");
	jsonw_u64(&w, "u", 9007199254740993ULL);
	jsonw_bool(&w, "t", true);
	jsonw_bool(&w, "f", false);
	jsonw_time(&w, "at", 1763812800123);
	jsonw_open(&w, "list", '[');
	jsonw_u64(&w, NULL, 1);
	jsonw_open(&w, NULL, '{');
	jsonw_close(&w, '}');
	jsonw_close(&w, ']');
	jsonw_close(&w, '}');
	json_t *o = parse(&w);
	assert_string_equal(json_string_value(json_object_get(o, "s")), "plain");
	assert_true(json_is_null(json_object_get(o, "none")));
	assert_true(json_is_null(json_object_get(o, "empty")));
	assert_true(json_integer_value(json_object_get(o, "u")) == 9007199254740993LL);
	assert_true(json_is_true(json_object_get(o, "t")));
	assert_true(json_is_false(json_object_get(o, "f")));
	assert_string_equal(
		json_string_value(json_object_get(o, "at")), "2025-11-22T12:00:00.123Z");
	assert_int_equal(json_array_size(json_object_get(o, "list")), 2);
	json_decref(o);
}

static void jsonw_str_control_and_quote_are_escaped(void **state)
{
	char all[128];
	struct jsonw w = {0};
	(void)state;
	for (int i = 1; i < 128; i++)
		all[i - 1] = (char)i;
	all[127] = '\0';
	jsonw_open(&w, NULL, '[');
	jsonw_str(&w, NULL, all);
	jsonw_close(&w, ']');
	json_t *o = parse(&w);
	assert_string_equal(json_string_value(json_array_get(o, 0)), all);
	json_decref(o);
}

static void jsonw_text_longer_than_first_buffer_is_whole(void **state)
{
	char *big = malloc(100001);
	struct jsonw w = {0};
	(void)state;
	assert_non_null(big);
	memset(big, 'x', 100000);
	big[100000] = '\0';
	jsonw_open(&w, NULL, '[');
	jsonw_str(&w, NULL, big);
	jsonw_str(&w, NULL, big);
	jsonw_close(&w, ']');
	json_t *o = parse(&w);
	assert_int_equal(json_string_length(json_array_get(o, 1)), 100000);
	json_decref(o);
	free(big);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(jsonw_every_type_reads_back),
		cmocka_unit_test(jsonw_str_control_and_quote_are_escaped),
		cmocka_unit_test(jsonw_text_longer_than_first_buffer_is_whole),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
