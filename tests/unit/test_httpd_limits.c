/*
 * Goal: every timeout, every way of going away, and every end that the server decides on ends a
 * request exactly once. (runner: slow: it waits for timeouts.)
 */
#include "httpd_script.h"

static void httpd_timeouts_end_each_phase(void **state)
{
	static const struct {
		const char *sent;
		const char *answered;
	} c[] = {
		{"", ""},                                         /* idle: silently */
		{"GET / HTTP/1.1\r\nHo", "HTTP/1.1 408 "},        /* head */
		{POST("/echo", "10", "") "abc", "HTTP/1.1 408 "}, /* content */
		{GET("/refuse", ""), "HTTP/1.1 422 "},            /* idle again */
	};

	(void)state;
	for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
		struct world w;
		uint64_t began = clock_mono_us();

		open_world(&w, &hasty);
		send_text(&w, c[i].sent);
		until_gone(&w);
		assert_in_range(clock_mono_us() - began, 900000, 10000000);
		assert_memory_equal(answer(&w), c[i].answered, strlen(c[i].answered));
		if (c[i].answered[0] == '\0')
			assert_int_equal(evbuffer_get_length(w.answer), 1); /* the NUL */
		close_world(&w);
	}
}

static void httpd_reader_that_stalls_is_cut(void **state)
{
	struct world w;

	(void)state;
	open_world(&w, &hasty);
	w.stop_on_done = true;
	w.want = 1;
	send_text(&w, GET("/big", "") GET("/big", ""));
	assert_true(loop_run_for(w.l, 5000));
	stream_pause(w.s, true);
	LOOP_UNTIL(w.l, httpd_connections(w.h) == 0);
	assert_int_equal(httpd_connections(w.h), 0);
	assert_int_equal(w.done_ok + w.done_failed, w.requests);
	close_world(&w);
}

static void httpd_client_gone_in_mid_answer_ends_once(void **state)
{
	struct world w;

	(void)state;
	open_world(&w, &patient);
	w.want = 100000;
	send_text(&w, GET("/big", ""));
	assert_true(loop_run_for(w.l, 5000));
	stream_free(w.s);
	w.s = NULL;
	LOOP_UNTIL(w.l, httpd_connections(w.h) == 0);
	assert_int_equal(w.requests, 1);
	assert_int_equal(w.done_ok + w.done_failed, 1);
	close_world(&w);
}

static void httpd_client_gone_in_mid_content_ends_failed(void **state)
{
	struct world w;

	(void)state;
	open_world(&w, &patient);
	w.stop_on_done = true;
	send_text(&w, POST("/echo", "100", "") "abc");
	LOOP_UNTIL(w.l, w.requests == 1);
	assert_int_equal(w.requests, 1);
	stream_free(w.s);
	w.s = NULL;
	assert_true(loop_run_for(w.l, 5000));
	assert_int_equal(w.done_failed, 1);
	assert_int_equal(w.on_ends, 0);
	close_world(&w);
}

static void httpd_reply_abort_closes_and_fails(void **state)
{
	struct world w;

	(void)state;
	open_world(&w, &patient);
	send_text(&w, GET("/abort", ""));
	until_gone(&w);
	assert_int_equal(w.done_failed, 1);
	close_world(&w);
}

static void httpd_drain_closes_idle_now_and_busy_after(void **state)
{
	struct world w;

	(void)state;
	open_world(&w, &patient);
	w.want = 1;
	send_text(&w, GET("/refuse", ""));
	assert_true(loop_run_for(w.l, 5000));
	w.want = 0;
	httpd_drain(w.h);
	until_gone(&w);
	assert_int_equal(w.why, STREAM_EOF);
	assert_int_equal(count(answer(&w), "Connection: close"), 0);
	close_world(&w);

	open_world(&w, &patient);
	send_text(&w, POST("/echo", "4", "") "ab");
	LOOP_UNTIL(w.l, w.requests == 1);
	assert_int_equal(w.requests, 1);
	httpd_drain(w.h);
	send_text(&w, "cd");
	until_gone(&w);
	assert_non_null(strstr(answer(&w), "Connection: close\r\n\r\n4"));
	close_world(&w);
}

static void *keep_none(void *ctx, const uint8_t spki[32], void *peer)
{
	(void)spki, (void)peer;
	++*(unsigned *)ctx;
	return NULL;
}

static void httpd_each_peer_removed_is_closed_at_once(void **state)
{
	unsigned asked = 0;
	struct world w;

	(void)state;
	open_world(&w, &patient);
	send_text(&w, POST("/echo", "4", "") "ab");
	LOOP_UNTIL(w.l, w.requests == 1);
	httpd_each_peer(w.h, keep_none, &asked);
	assert_int_equal(asked, 1);
	until_gone(&w);
	assert_int_equal(w.done_failed, 1);
	close_world(&w);
}

/* Silent connections have a place each of their own; the next one of an address goes for the one
 * before it, and a peer's stays. */
static void httpd_accept_silent_ones_go_for_each_other_and_never_for_a_peer(void **state)
{
	struct httpd_limits narrow = patient;
	struct world w;
	int fd[20][2];
	char byte;

	(void)state;
	narrow.max_connections = 1;
	narrow.max_unknown = 8; /* 2 of an address */
	open_world(&w, &narrow);
	LOOP_UNTIL(w.l, httpd_connections(w.h) == 1);
	send_text(&w, GET("/big", ""));
	LOOP_UNTIL(w.l, w.requests == 1);
	for (int i = 0; i < 20; i++) {
		assert_int_equal(tcp_pair(fd[i]), 0);
		httpd_accept(w.h, fd[i][1]);
	}
	LOOP_UNTIL(w.l, httpd_connections(w.h) == 3);
	assert_int_equal(httpd_connections(w.h), 3);
	for (int i = 0; i < 20; i++) {
		if (i < 18)
			assert_int_equal(recv(fd[i][0], &byte, 1, 0), 0);
		else
			assert_int_equal(recv(fd[i][0], &byte, 1, MSG_DONTWAIT), -1);
		close(fd[i][0]);
	}
	assert_true(httpd_relieve(w.h));
	assert_int_equal(w.done_failed, 0);
	close_world(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(httpd_timeouts_end_each_phase),
		cmocka_unit_test(httpd_reader_that_stalls_is_cut),
		cmocka_unit_test(httpd_client_gone_in_mid_answer_ends_once),
		cmocka_unit_test(httpd_client_gone_in_mid_content_ends_failed),
		cmocka_unit_test(httpd_reply_abort_closes_and_fails),
		cmocka_unit_test(httpd_drain_closes_idle_now_and_busy_after),
		cmocka_unit_test(httpd_each_peer_removed_is_closed_at_once),
		cmocka_unit_test(httpd_accept_silent_ones_go_for_each_other_and_never_for_a_peer),
	};

	return cmocka_run_group_tests(tests, tls_setup, tls_teardown);
}
