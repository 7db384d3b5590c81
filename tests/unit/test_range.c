/* Goal: Range and If-Range of one part are read as RFC 9110 says; any other is ignored, and no
 * answer promises bytes outside the content. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "api/range.h"

static int ask(
	const char *fields, enum h1_method method, uint64_t size, uint64_t *from, uint64_t *len)
{
	char text[512];
	struct h1_head h;
	const char *why;
	int n = snprintf(text, sizeof text, "GET / HTTP/1.1\r\nHost: x\r\n%s\r\n", fields);

	assert_int_equal(h1_head_parse(text, (size_t)n, &h, &why), 0);
	h.method = method;
	return range_of(&h, size, "\"tag\"", from, len);
}

static void range_of_each_form_gives_status_and_part(void **state)
{
	static const struct {
		const char *fields;
		uint64_t size;
		int status;
		uint64_t from, len;
	} cases[] = {
		{"", 100, 200, 0, 100},
		{"Range: bytes=0-0\r\n", 100, 206, 0, 1},
		{"Range: bytes=0-99\r\n", 100, 206, 0, 100},
		{"Range: bytes=0-100\r\n", 100, 206, 0, 100},
		{"Range: BYTES=5-\r\n", 100, 206, 5, 95},
		{"Range: bytes=99-\r\n", 100, 206, 99, 1},
		{"Range: bytes=100-\r\n", 100, 416, 0, 0},
		{"Range: bytes=-1\r\n", 100, 206, 99, 1},
		{"Range: bytes=-100\r\n", 100, 206, 0, 100},
		{"Range: bytes=-101\r\n", 100, 206, 0, 100},
		{"Range: bytes=-0\r\n", 100, 416, 0, 0},
		{"Range: bytes=18446744073709551614-18446744073709551614\r\n", 100, 416, 0, 0},
		{"Range: bytes=0-18446744073709551614\r\n", 100, 206, 0, 100},
		{"Range: bytes=0-18446744073709551615\r\n", 100, 200, 0, 100},
		{"Range: bytes=0-99999999999999999999999\r\n", 100, 200, 0, 100},
		{"Range: bytes=\r\n", 100, 200, 0, 100},
		{"Range: bytes=-\r\n", 100, 200, 0, 100},
		{"Range: bytes=5\r\n", 100, 200, 0, 100},
		{"Range: bytes=5-4\r\n", 100, 200, 0, 100},
		{"Range: bytes=0-1,3-4\r\n", 100, 200, 0, 100},
		{"Range: bytes=0x1-2\r\n", 100, 200, 0, 100},
		{"Range: bytes=+1-2\r\n", 100, 200, 0, 100},
		{"Range: bytes=1 -2\r\n", 100, 200, 0, 100},
		{"Range: bytes=1-2-3\r\n", 100, 200, 0, 100},
		{"Range: items=1-2\r\n", 100, 200, 0, 100},
		{"Range: bytes=1-2\r\nRange: bytes=1-2\r\n", 100, 200, 0, 100},
		{"Range: bytes=1-2\r\nIf-Range: \"tag\"\r\n", 100, 206, 1, 2},
		{"Range: bytes=1-2\r\nIf-Range: \"tah\"\r\n", 100, 200, 0, 100},
		{"Range: bytes=1-2\r\nIf-Range: W/\"tag\"\r\n", 100, 200, 0, 100},
		{"Range: bytes=1-2\r\nIf-Range: Sun, 22 Nov 2026 12:00:00 GMT\r\n", 100, 200, 0,
			100},
		{"Range: bytes=200-\r\nIf-Range: \"tah\"\r\n", 100, 200, 0, 100},
		{"If-Range: \"tag\"\r\n", 100, 200, 0, 100},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		uint64_t from, len;
		int status = ask(cases[i].fields, H1_GET, cases[i].size, &from, &len);
		if (status != cases[i].status)
			fail_msg("%s: %d, not %d", cases[i].fields, status, cases[i].status);
		if (status == 416)
			continue;
		assert_int_equal(from, cases[i].from);
		assert_int_equal(len, cases[i].len);
	}
}

static void range_of_head_is_all(void **state)
{
	uint64_t from, len;

	(void)state;
	assert_int_equal(ask("Range: bytes=1-2\r\n", H1_HEAD, 100, &from, &len), 200);
	assert_int_equal(len, 100);
}

static void range_of_any_numbers_stays_inside(void **state)
{
	(void)state;
	for (int i = 0; i < 20000; i++) {
		uint64_t size = (uint64_t)(rand() % 300) + 1, from = 0, len = 0;
		char field[64], a[8] = "", b[8] = "";
		if (rand() % 4 != 0)
			snprintf(a, sizeof a, "%d", rand() % 400);
		if (rand() % 4 != 0)
			snprintf(b, sizeof b, "%d", rand() % 400);
		snprintf(field, sizeof field, "Range: bytes=%s-%s\r\n", a, b);
		int status = ask(field, H1_GET, size, &from, &len);
		assert_true(status == 200 || status == 206 || status == 416);
		if (status != 416)
			assert_true(len > 0 && from < size && len <= size - from);
		if (status == 206 && a[0] != '\0')
			assert_int_equal(from, atoi(a));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(range_of_each_form_gives_status_and_part),
		cmocka_unit_test(range_of_head_is_all),
		cmocka_unit_test(range_of_any_numbers_stays_inside),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
