/* test_untrusted.c: what a hostile server's text becomes before a person sees it, and which JSON is
 * parsed at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "lib/untrusted.h"

static void copy_text_is_cut_between_characters(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{NULL, ""},
		{"", ""},
		{"plain", "plain"},
		{"1234567890", "1234567"},
		{"\xc3\xa6\xc2\xa7", "\xc3\xa6\xc2\xa7"},
		{"123456\xc3\xa6", "123456"},
		{"12345\xe2\x82\xac", "12345"},
		{"1234\xe2\x82\xac", "1234\xe2\x82\xac"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char out[8];

		untrusted_copy(out, sizeof out, cases[i].in);
		assert_string_equal(out, cases[i].out);
	}
}

static void copy_text_controls_become_question_marks(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{"a\x1b[2J\n\r\t", "a?[2J???"},
		{"\x7f", "?"},
		{"\xc2\x80\xc2\x9b"
		 "1m\xc2\x9f",
			"??1m?"},
		{"\xc2\xa0", "\xc2\xa0"},
		/* U+061C, U+200E, U+200F */
		{"\xd8\x9c", "?"},
		{"\xe2\x80\x8e\xe2\x80\x8f", "??"},
		/* U+2028, U+2029; U+202A, U+202E */
		{"\xe2\x80\xa8\xe2\x80\xa9", "??"},
		{"\xe2\x80\xaa\xe2\x80\xae", "??"},
		/* U+2027, U+202F: their neighbours */
		{"\xe2\x80\xa7\xe2\x80\xaf", "\xe2\x80\xa7\xe2\x80\xaf"},
		/* U+2066, U+2069; U+FEFF */
		{"\xe2\x81\xa6\xe2\x81\xa9", "??"},
		{"\xef\xbb\xbf", "?"},
		/* a tag; a face */
		{"\xf3\xa0\x80\xa1", "?"},
		{"\xf0\x9f\x99\x82", "\xf0\x9f\x99\x82"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char out[32];

		untrusted_copy(out, sizeof out, cases[i].in);
		assert_string_equal(out, cases[i].out);
	}
}

static void copy_text_bytes_that_are_not_utf8_become_question_marks(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{"\xc2", "?"},
		{"\xe2\x82", "??"},
		{"\xe2\x82"
		 "a",
			"??a"},
		{"\x80\xff", "??"},
		/* overlong */
		{"\xc0\x9b\xc1\xbf", "????"},
		{"\xe0\x9f\xbf", "???"},
		{"\xf0\x80\x80\x9b", "????"},
		/* surrogate; above U+10FFFF */
		{"\xed\xa0\x80", "???"},
		{"\xf4\x90\x80\x80", "????"},
		{"\xf5\x80\x80\x80", "????"},
		{"\xed\x9f\xbf\xee\x80\x80", "\xed\x9f\xbf\xee\x80\x80"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char out[32];

		untrusted_copy(out, sizeof out, cases[i].in);
		assert_string_equal(out, cases[i].out);
	}
}

static void parse_takes_objects_within_bounds_alone(void **state)
{
	static const char *const good[] = {"{}",
		" {\"a\":[{\"b\":{}}],\"c\":\"[[[[[[[[[[[[\\\"{{{{{{{{{{{{\"} ",
		"{\"a\":[[[[[[[]]]]]]]}"};
	static const char *const bad[] = {"", "[]", "1", "null", "{", "{}{}", "{\"a\":1,\"a\":2}",
		"{\"a\":{\"b\":1,\"b\":1}}", "{\"a\":\"\\u0000\"}", "{\"a\":\"\xff\"}",
		"{\"a\":1e999}", "{\"a\":99999999999999999999}", "{\"a\":[[[[[[[[]]]]]]]]}", "}{",
		"{\"a\":\"\n\"}"};

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		json_t *o = untrusted_json_parse(good[i], strlen(good[i]));

		assert_non_null(o);
		json_decref(o);
	}
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_null(untrusted_json_parse(bad[i], strlen(bad[i])));
	assert_null(untrusted_json_parse("{\"a\0\":1}", 8));
}

static void parse_bounds_the_number_of_values(void **state)
{
	size_t n = UNTRUSTED_JSON_VALUES + 16;
	char *text = malloc(2 * n + 16);
	json_t *o;

	(void)state;
	assert_non_null(text);
	strcpy(text, "{\"a\":[0");
	for (size_t i = 0; i < n; i++)
		memcpy(text + 7 + 2 * i, ",0", 2);
	memcpy(text + 7 + 2 * n, "]}", 3);
	assert_null(untrusted_json_parse(text, strlen(text)));
	memcpy(text + 7 + 2 * (n - 32), "]}", 3);
	o = untrusted_json_parse(text, strlen(text));
	assert_non_null(o);
	json_decref(o);
	free(text);
}

static void dump_is_one_line_of_visible_ascii(void **state)
{
	static const char in[] =
		"{\"k\\u001b\xe2\x80\xae\x7f\":\"v\\n\x7f\xc2\x9b\xf0\x9f\x99\x82\"}";
	json_t *o = untrusted_json_parse(in, strlen(in)), *again;
	char *text = untrusted_json_dump(o);

	(void)state;
	assert_string_equal(
		text, "{\"k\\u001B\\u202E\\u007f\":\"v\\n\\u007f\\u009B\\uD83D\\uDE42\"}");
	again = untrusted_json_parse(text, strlen(text));
	assert_true(json_equal(o, again));
	assert_null(untrusted_json_dump(NULL));
	free(text);
	json_decref(o);
	json_decref(again);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(copy_text_is_cut_between_characters),
		cmocka_unit_test(copy_text_controls_become_question_marks),
		cmocka_unit_test(copy_text_bytes_that_are_not_utf8_become_question_marks),
		cmocka_unit_test(parse_takes_objects_within_bounds_alone),
		cmocka_unit_test(parse_bounds_the_number_of_values),
		cmocka_unit_test(dump_is_one_line_of_visible_ascii),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
