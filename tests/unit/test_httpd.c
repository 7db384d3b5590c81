/*
 * Goal: requests are answered in order however they arrive, and content and answers stream with
 * back-pressure. (runner: slow: it waits for timeouts.)
 */
#include "httpd_script.h"

static const char pipelined[] = POST("/echo", "5", "") "hello" GET(
	"/refuse", "") "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: "
		       "chunked\r\n\r\n3\r\nabc\r\n0a\r\n0123456789\r\n0\r\n\r\n"
		       "HEAD /big HTTP/1.1\r\nHost: x\r\n\r\n" POST(
			       "/echo", "7", "Connection: close\r\n") "goodbye";

static void httpd_pipelined_any_cut_answers_in_order(void **state)
{
	static const size_t drip[] = {0, 1, 7, 100};

	(void)state;
	for (size_t i = 0; i < sizeof drip / sizeof *drip; i++) {
		struct world w;
		const char *a;

		open_world(&w, &patient);
		w.drip = drip[i];
		send_text(&w, pipelined);
		until_gone(&w);
		a = answer(&w);
		assert_int_equal(w.why, STREAM_EOF);
		assert_int_equal(w.requests, 5);
		assert_int_equal(w.done_ok, 5);
		assert_int_equal(w.logs, 5);
		assert_int_equal(count(a, "HTTP/1.1 "), 5);
		assert_int_equal(
			count(a, "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n"),
			5);
		assert_int_equal(count(a, "Connection: close"), 1);
		for (const char *const *p = (const char *const[]){"\r\n\r\n5", "HTTP/1.1 422",
			     "\r\n\r\n{", "\r\n\r\n13", "Content-Length: 3000001", "ETag: \"a\"",
			     "Connection: close", "\r\n\r\n7", NULL};
			*p; p++) {
			a = strstr(a, *p);
			assert_non_null(a);
		}
		assert_string_equal(a, "\r\n\r\n7");
		close_world(&w);
	}
}

static void httpd_large_content_with_pauses_arrives_whole(void **state)
{
	struct world w;

	(void)state;
	open_world(&w, &patient);
	send_text(&w, POST("/echo-slowly", "5000000", "Connection: close\r\n"));
	send_content(&w, 5000000);
	until_gone(&w);
	assert_non_null(strstr(answer(&w), "\r\n\r\n5000000"));
	assert_true(w.max_waiting <= patient.body_window_bytes);
	assert_int_equal(w.on_ends, 1);
	assert_int_equal(w.last_in, 5000000);
	close_world(&w);
}

static void httpd_untaken_content_holds_the_peer(void **state)
{
	struct world w;

	(void)state;
	open_world(&w, &patient);
	send_text(&w, POST("/hoard", "20000000", "")); /* a handler that takes nothing */
	send_content(&w, 20000000);
	LOOP_UNTIL(w.l, w.max_waiting == patient.body_window_bytes);
	loop_run_for(w.l, 100); /* more would come now, if it came */
	assert_int_equal(w.max_waiting, patient.body_window_bytes);
	assert_true(evbuffer_get_length(stream_out(w.s)) > 5000000);
	close_world(&w);
	assert_int_equal(w.done_failed, 1);
}

static void httpd_streamed_answer_is_whole_and_bounded(void **state)
{
	struct world w;

	(void)state;
	open_world(&w, &patient);
	w.want = BIG_BYTES;
	send_text(&w, GET("/big", ""));
	while (evbuffer_get_length(w.answer) < BIG_BYTES || w.done_ok == 0)
		if (!loop_run_for(w.l, 2000) && evbuffer_get_length(w.answer) < BIG_BYTES)
			fail_msg("the answer stopped at %zu", evbuffer_get_length(w.answer));
	assert_int_equal(w.done_ok, 1);
	assert_int_equal(w.last_out, BIG_BYTES);
	assert_int_equal(w.last_status, 200);
	close_world(&w);
}

static void httpd_half_closed_client_gets_its_whole_answer(void **state)
{
	struct world w;
	uint64_t began;

	(void)state;
	open_world(&w, &patient);
	send_text(&w, GET("/big", ""));
	stream_finish(w.s);
	until_gone(&w);
	assert_int_equal(w.why, STREAM_EOF);
	assert_true(evbuffer_get_length(w.answer) > BIG_BYTES);
	began = clock_mono_us();
	LOOP_UNTIL(w.l, httpd_connections(w.h) == 0);
	/* both directions have ended: nothing to linger for */
	assert_in_range(clock_mono_us() - began, 0, 900000);
	close_world(&w);
}

static void httpd_expect_continue_is_answered_before_the_content(void **state)
{
	struct world w;

	(void)state;
	open_world(&w, &patient);
	w.want = 25;
	send_text(&w, POST("/echo", "4", "Expect: 100-continue\r\nConnection: close\r\n"));
	assert_true(loop_run_for(w.l, 5000));
	assert_int_equal(evbuffer_get_length(w.answer), 25);
	assert_memory_equal(evbuffer_pullup(w.answer, -1), "HTTP/1.1 100 Continue\r\n\r\n", 25);
	w.want = 0;
	send_text(&w, "abcd");
	until_gone(&w);
	assert_int_equal(count(answer(&w), "100 Continue"), 1);
	close_world(&w);
}

static void httpd_expect_continue_refused_without_it(void **state)
{
	struct world w;

	(void)state;
	open_world(&w, &patient);
	send_text(&w, POST("/refuse", "4", "Expect: 100-continue\r\n"));
	until_gone(&w);
	assert_int_equal(count(answer(&w), "100 Continue"), 0);
	assert_non_null(strstr(answer(&w), "HTTP/1.1 422"));
	assert_non_null(strstr(answer(&w), "Connection: close"));
	close_world(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(httpd_pipelined_any_cut_answers_in_order),
		cmocka_unit_test(httpd_large_content_with_pauses_arrives_whole),
		cmocka_unit_test(httpd_untaken_content_holds_the_peer),
		cmocka_unit_test(httpd_streamed_answer_is_whole_and_bounded),
		cmocka_unit_test(httpd_half_closed_client_gets_its_whole_answer),
		cmocka_unit_test(httpd_expect_continue_is_answered_before_the_content),
		cmocka_unit_test(httpd_expect_continue_refused_without_it),
	};

	return cmocka_run_group_tests(tests, tls_setup, tls_teardown);
}
