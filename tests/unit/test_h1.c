/* Goal: heads and framing are read as the strict profile says, each refusal with its own code, and
 * never otherwise when they come in pieces. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <timeglas/errors.h>
#include "http/h1.h"
#include "http/h1_body.h"

static int parse(const char *text, struct h1_head *h)
{
	size_t scanned = 0, n = strlen(text);
	const char *why = NULL;
	long end = h1_head_end(text, n, &scanned);
	int rc;

	if (end <= 0)
		return end < 0 ? (int)end : 1;
	rc = h1_head_parse(text, (size_t)end, h, &why);
	if (rc != 0)
		assert_true(why != NULL && strlen(why) > 10);
	return rc;
}

static void assert_str(struct h1_str s, const char *text)
{
	assert_int_equal(s.n, strlen(text));
	assert_memory_equal(s.p, text, s.n);
}

static void h1_head_parse_sound_head_all_members(void **state)
{
	struct h1_head h;
	bool dup = false;

	(void)state;
	assert_int_equal(parse("POST /v1/blobs?a=b%20c HTTP/1.1\r\nHost: x\r\ncontent-LENGTH:  42 "
			       "\t\r\nX-A:1\r\nx-a: 2\r\n"
			       "Expect: 100-Continue\r\nConnection: keep-alive, Close\r\n\r\n",
				 &h),
		0);
	assert_int_equal(h.method, H1_POST);
	assert_str(h.target, "/v1/blobs?a=b%20c");
	assert_str(h.path, "/v1/blobs");
	assert_str(h.query, "a=b%20c");
	assert_int_equal(h.content_length, 42);
	assert_int_equal(h.n_fields, 6);
	assert_true(h.expect_continue && h.close && !h.chunked);
	assert_str(*h1_field(&h, "HOST", &dup), "x");
	assert_false(dup);
	assert_str(*h1_field(&h, "x-a", &dup), "1");
	assert_true(dup);
	assert_null(h1_field(&h, "x-b", NULL));
}

/* RFC 9110, section 7.2: a host, and a port or none. Which names are served is the certificate's
 * affair. */
static void h1_head_parse_host_is_a_host(void **state)
{
	static const char *const good[] = {"x", "a.example", "a.example:443", "127.0.0.1:1", "a_b",
		"x%2Dy", "[::1]", "[::1]:65535", "[v1.a:b]", "x:"};
	static const char *const bad[] = {"", ":", ":443", "a b", "a,b", "a:b", "a:65536",
		"a:443:443", "a:-1", "user@a", "a/b", "http://a", "[::1", "::1", "[]", "[::1]x",
		"a%", "a%2", "a%zz", "\"a\"", "a\\b", "\xc3\xa6"};
	struct h1_head h;
	char text[128];

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof *good + sizeof bad / sizeof *bad; i++) {
		bool is_good = i < sizeof good / sizeof *good;

		snprintf(text, sizeof text, "GET / HTTP/1.1\r\nHost: %s\r\n\r\n",
			is_good ? good[i] : bad[i - sizeof good / sizeof *good]);
		assert_int_equal(parse(text, &h), is_good ? 0 : TG_EINVAL);
	}
}

static void h1_head_parse_methods_and_lengths(void **state)
{
	static const struct {
		const char *name;
		enum h1_method m;
	} method[] = {
		{"GET", H1_GET},
		{"HEAD", H1_HEAD},
		{"POST", H1_POST},
		{"PUT", H1_PUT},
		{"DELETE", H1_DELETE},
		{"PATCH", H1_OTHER},
		{"get", H1_OTHER},
		{"GETS", H1_OTHER},
		{"PU", H1_OTHER},
	};
	struct h1_head h;
	char text[128];

	(void)state;
	for (size_t i = 0; i < sizeof method / sizeof *method; i++) {
		snprintf(text, sizeof text, "%s / HTTP/1.1\r\nHost: x\r\n\r\n", method[i].name);
		assert_int_equal(parse(text, &h), 0);
		assert_int_equal(h.method, method[i].m);
		assert_int_equal(h.content_length, 0);
		assert_int_equal(h.query.n, 0);
	}
	assert_int_equal(
		parse("PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: Chunked\r\n\r\n", &h), 0);
	assert_true(h.chunked);
	assert_true(h.content_length == H1_LENGTH_UNKNOWN);
	assert_int_equal(
		parse("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 9223372036854775807\r\n\r\n",
			&h),
		0);
	assert_true(h.content_length == (uint64_t)INT64_MAX);
}

static void h1_head_parse_refusals_have_their_codes(void **state)
{
	static const struct {
		const char *text;
		int code;
	} c[] = {
		{"GET / HTTP/1.0\r\nHost: x\r\n\r\n", TG_EVERSION},
		{"GET / HTTP/2.0\r\nHost: x\r\n\r\n", TG_EVERSION},
		{"GET / HTTP/1.10\r\nHost: x\r\n\r\n", TG_EINVAL},
		{"CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n", TG_ENOTIMPL},
		{"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\n\r\n", TG_ENOTIMPL},
		{"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n", TG_ENOTIMPL},
		{"POST / HTTP/1.1\r\nHost: x\r\nExpect: tea\r\n\r\n", TG_EEXPECT},
		{"GET * HTTP/1.1\r\nHost: x\r\n\r\n", TG_EINVAL},
		{"GET http://x/ HTTP/1.1\r\nHost: x\r\n\r\n", TG_EINVAL},
		{"GET /#a HTTP/1.1\r\nHost: x\r\n\r\n", TG_EINVAL},
		{"GET /% HTTP/1.1\r\nHost: x\r\n\r\n", TG_EINVAL},
		{"GET /%4 HTTP/1.1\r\nHost: x\r\n\r\n", TG_EINVAL},
		{"GET / HTTP/1.1\r\n\r\n", TG_EINVAL},
		{"GET / HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n", TG_EINVAL},
		{"GET / HTTP/1.1\r\nHost: x\r\n a\r\n\r\n", TG_EINVAL},
		{"GET / HTTP/1.1\r\nHost : x\r\n\r\n", TG_EINVAL},
		{"GET / HTTP/1.1\r\nHost: x\r\nA: \x01\r\n\r\n", TG_EINVAL},
		{"GET / HTTP/1.1\r\nHost: x\r\nA: \r\r\n\r\n", TG_EINVAL},
		{"GET / HTTP/1.1\nHost: x\r\n\r\n", TG_EINVAL},
		{"\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n", TG_EINVAL},
		{"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
			TG_EINVAL},
		{"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9223372036854775808\r\n\r\n",
			TG_EINVAL},
		{"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +1\r\n\r\n", TG_EINVAL},
		{"POST / HTTP/1.1\r\nHost: x\r\nContent-Length:\r\n\r\n", TG_EINVAL},
		{"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1, 1\r\n\r\n", TG_EINVAL},
		{"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1 1\r\n\r\n", TG_EINVAL},
		{"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0x1\r\n\r\n", TG_EINVAL},
		{"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n", TG_ENOTIMPL},
		{"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked;q=1\r\n\r\n",
			TG_ENOTIMPL},
		{"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: \x0b"
		 "chunked\r\n\r\n",
			TG_EINVAL},
		{"POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nExpect: "
		 "100-continue\r\n\r\n",
			TG_EEXPECT},
		{"GET  / HTTP/1.1\r\nHost: x\r\n\r\n", TG_EINVAL},
		{"GET /  HTTP/1.1\r\nHost: x\r\n\r\n", TG_EINVAL},
		{"GET / HTTP/1.1 \r\nHost: x\r\n\r\n", TG_EINVAL},
		{"GET\t/ HTTP/1.1\r\nHost: x\r\n\r\n", TG_EINVAL},
		{"GET / http/1.1\r\nHost: x\r\n\r\n", TG_EINVAL},
		{"GET /\r\nHost: x\r\n\r\n", TG_EINVAL},
		{"G(T / HTTP/1.1\r\nHost: x\r\n\r\n", TG_EINVAL},
		{"GET /\xc3\xa6 HTTP/1.1\r\nHost: x\r\n\r\n", TG_EINVAL},
		{"GET / HTTP/1.1\r\nHost: x\r\n: a\r\n\r\n", TG_EINVAL},
		{"GET / HTTP/1.1\r\nHost: x\r\nA\r\n\r\n", TG_EINVAL},
		{"GET / HTTP/1.1\r\nHost: x\r\nA: a\rb\r\n\r\n", TG_EINVAL},
		{"GET / HTTP/1.1\r\nHost: x\r\nA: \x7f\r\n\r\n", TG_EINVAL},
		{"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: "
		 "chunked\r\n\r\n",
			TG_EINVAL},
		{"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: "
		 "chunked\r\n\r\n",
			TG_EINVAL},
	};
	struct h1_head h;

	(void)state;
	for (size_t i = 0; i < sizeof c / sizeof *c; i++)
		if (parse(c[i].text, &h) != c[i].code)
			fail_msg("%s: %d, not %d", c[i].text, parse(c[i].text, &h), c[i].code);
}

static void h1_head_parse_limits_are_exact(void **state)
{
	char *text = malloc(2 * H1_HEAD_MAX);
	struct h1_head h;
	size_t n;

	(void)state;
	for (size_t target = H1_TARGET_MAX; target <= H1_TARGET_MAX + 1; target++) {
		n = (size_t)sprintf(text, "GET /");
		memset(text + n, 'a', target - 1);
		strcpy(text + n + target - 1, " HTTP/1.1\r\nHost: x\r\n\r\n");
		assert_int_equal(parse(text, &h), target > H1_TARGET_MAX ? TG_EURI : 0);
	}
	for (size_t fields = H1_FIELDS_MAX; fields <= H1_FIELDS_MAX + 1; fields++) {
		n = (size_t)sprintf(text, "GET / HTTP/1.1\r\nHost: x\r\n");
		for (size_t i = 1; i < fields; i++)
			n += (size_t)sprintf(text + n, "A: b\r\n");
		strcpy(text + n, "\r\n");
		assert_int_equal(parse(text, &h), fields > H1_FIELDS_MAX ? TG_EHEADERS : 0);
	}
	for (size_t head = H1_HEAD_MAX; head <= H1_HEAD_MAX + 1; head++) {
		n = (size_t)sprintf(text, "GET / HTTP/1.1\r\nHost: x\r\nA: ");
		memset(text + n, 'a', head - n - 4);
		strcpy(text + head - 4, "\r\n\r\n");
		assert_int_equal(strlen(text), head);
		assert_int_equal(parse(text, &h), head > H1_HEAD_MAX ? TG_EHEADERS : 0);
	}
	memset(text, 'a', H1_HEAD_MAX);
	n = 0;
	assert_int_equal(h1_head_end(text, H1_HEAD_MAX, &n), TG_EHEADERS); /* without any end */
	memset(text, 'a', 2 * H1_HEAD_MAX);
	text[H1_HEAD_MAX + 100] = '\n'; /* what stands behind the limit decides nothing */
	n = 0;
	assert_int_equal(h1_head_end(text, 2 * H1_HEAD_MAX, &n), TG_EHEADERS);
	free(text);
}

static void h1_head_end_in_pieces_same_end(void **state)
{
	const char *text = "GET / HTTP/1.1\r\nHost: x\r\n\r\nGET /next";
	size_t scanned = 0, whole = strlen("GET / HTTP/1.1\r\nHost: x\r\n\r\n");

	(void)state;
	for (size_t n = 0; n < whole; n++)
		assert_int_equal(h1_head_end(text, n, &scanned), 0);
	assert_int_equal(h1_head_end(text, whole, &scanned), whole);
	scanned = 0;
	assert_int_equal(h1_head_end(text, strlen(text), &scanned), whole);
}

/* Reads content with at most `cut` bytes shown at a time and `take` taken; returns the last step.
 */
static enum h1_step read_body(const struct h1_head *h, const char *p, size_t n, size_t cut,
	size_t take, char *out, size_t *out_n, size_t *used)
{
	struct h1_body b;
	enum h1_step s = H1_NEED;
	size_t at = 0;

	*out_n = 0;
	h1_body_init(&b, h);
	for (;;) {
		size_t show = n - at < cut ? n - at : cut, skip = 0, data = 0;

		s = h1_body_step(&b, p + at, show, &skip, &data);
		assert_true(skip + data <= show);
		at += skip;
		if (s == H1_DATA) {
			assert_true(data > 0);
			if (data > take)
				data = take;
			memcpy(out + *out_n, p + at, data);
			*out_n += data;
			at += data;
			h1_body_consumed(&b, data);
		} else if (s != H1_NEED || at == n) {
			break;
		}
	}
	*used = at;
	return s;
}

static void h1_body_step_any_cut_same_content(void **state)
{
	static const char wire[] = "3\r\nabc\r\n00A\r\n0\r\n\r\n56789\r\n0\r\n\r\nGET";
	const struct h1_head chunked = {.chunked = true, .content_length = H1_LENGTH_UNKNOWN},
			     sized = {.content_length = 13};
	size_t n, used;
	char out[64];

	(void)state;
	for (size_t cut = 1; cut < sizeof wire; cut++) {
		for (size_t take = 1; take < 12; take++) {
			assert_int_equal(read_body(&chunked, wire, sizeof wire - 1, cut, take, out,
						 &n, &used),
				H1_DONE);
			assert_int_equal(n, 13);
			assert_memory_equal(out, "abc0\r\n\r\n56789", 13);
			assert_int_equal(used, sizeof wire - 1 - 3);
			assert_int_equal(read_body(&sized, "0123456789abcdef", 16, cut, take, out,
						 &n, &used),
				H1_DONE);
			assert_int_equal(n, 13);
			assert_int_equal(used, 13);
		}
	}
}

static void h1_body_step_bad_framing_is_bad_in_any_cut(void **state)
{
	static const char *bad[] = {
		"3\r\nabcd\r\n",
		"3\r\nabc\n0\r\n\r\n",
		"3 \r\nabc",
		"3;x\r\nabc",
		"\r\n",
		"-1\r\n",
		"0x3\r\n",
		"3\n",
		"0\r\nA: b\r\n\r\n",
		"8000000000000000\r\n",
		"00000000000000003\r\n",
		"0\r\n\n",
		"ffffffffffffffff\r\n",
		"g\r\n",
	};
	const struct h1_head chunked = {.chunked = true, .content_length = H1_LENGTH_UNKNOWN};
	size_t n, used;
	char out[64];

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		for (size_t cut = 1; cut <= strlen(bad[i]); cut++)
			if (read_body(&chunked, bad[i], strlen(bad[i]), cut, 64, out, &n, &used) !=
				H1_BAD)
				fail_msg("%s, cut at %zu", bad[i], cut);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(h1_head_parse_sound_head_all_members),
		cmocka_unit_test(h1_head_parse_host_is_a_host),
		cmocka_unit_test(h1_head_parse_methods_and_lengths),
		cmocka_unit_test(h1_head_parse_refusals_have_their_codes),
		cmocka_unit_test(h1_head_parse_limits_are_exact),
		cmocka_unit_test(h1_head_end_in_pieces_same_end),
		cmocka_unit_test(h1_body_step_any_cut_same_content),
		cmocka_unit_test(h1_body_step_bad_framing_is_bad_in_any_cut),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
