/*
 * Goal: no answer is lost to a reader that is slow, has half-closed or is still sending; trickled
 * content costs memory in proportion; every handler ends once, whatever it does in which callback
 * and whenever the client goes. How connections end in time: test_httpd_ends.c; the rest:
 * test_httpd.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "httpd_fixture.h"

#define CHUNKED(path) "POST " path " HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"

static struct world w;
static struct client c;
static char block[3000000];

static void httpd_pipelined_requests_answered_in_order(void **state)
{
	(void)state;
	world_open(&w, NULL);
	client_open(&w, &c);
	client_send(&c,
		GET("/a") POST("/b", "3") "abc" CHUNKED(
			"/c") "2\r\nab\r\n5\r\n12345\r\n0\r\n\r\n" GET("/at-once")
			POST("/half", "9") "123456789" POST("/e", "0") GET("/last"));
	UNTIL(&w, w.ends >= 3 && w.job != NULL && at(w.job, "/half"));
	while (w.ends < 6) { /* it takes a half, and pauses, each time */
		if (w.job)
			httpd_req_pause(w.job->r, false);
		loop_run_for(w.l, 1);
	}
	client_expect(&c, 200, "0", false);
	client_expect(&c, 200, "3", false);
	client_expect(&c, 200, "7", false);
	client_expect(&c, 200, "at once", false);
	client_expect(&c, 200, "9", false);
	client_expect(&c, 200, "0", false);
	client_expect(&c, 200, "0", false);
	assert_int_equal(w.requests, 7);
	assert_int_equal(w.done_ok, 6);
	client_close(&c);
	UNTIL(&w, httpd_connections(w.h) == 0);
	world_close(&w);
}

/* One uploader could else make the server hold a 64 KiB buffer for every byte. */
static void httpd_trickled_content_delivered_in_worthwhile_pieces(void **state)
{
	struct evbuffer_iovec v[256];

	(void)state;
	world_open(&w, NULL);
	client_open(&w, &c);
	client_send(&c, POST("/keep", "6000"));
	UNTIL(&w, w.job != NULL);
	for (size_t i = 0; i < 5999; i++) {
		assert_int_equal(client_send_most(&c, "x", 1, false), 1);
		loop_run_for(w.l, 0);
		if (i == 0)
			UNTIL(&w, w.bodies == 1); /* what is wrong from the start is seen at once */
	}
	assert_in_range(w.bodies, 2, 40);
	assert_in_range(evbuffer_peek(w.job->kept, -1, NULL, v, 256), 1, 60);
	client_send(&c, "x");
	client_expect(&c, 200, "6000", false);
	client_close(&c);
	world_close(&w);
}

static void early_refusal(const char *head, size_t body, unsigned tries, bool late)
{
	for (unsigned i = 0; i < tries; i++) {
		struct answer a;
		size_t sent;

		world_open(&w, NULL);
		client_open(&w, &c);
		client_send(&c, head);
		sent = late ? client_send_most(&c, block, body, true) : 0;
		if (late) {
			UNTIL(&w, w.job != NULL);
			httpd_problem(httpd_req_reply(w.job->r), TG_EKIND, "no", NULL, NULL);
		}
		/* the whole, before it reads */
		assert_int_equal(client_send_most(&c, block, body - sent, false), body - sent);
		if (!client_answer(&c, &a, false))
			fail_msg("try %u: the answer was lost", i);
		assert_int_equal(a.status, 422);
		assert_true(a.close);
		client_expect_end(&c);
		client_close(&c);
		UNTIL(&w, httpd_connections(w.h) == 0);
		assert_int_equal(w.done_ok, 1);
		world_close(&w);
	}
}

/* The refusal comes when everything that may wait is full already. */
static void httpd_refusal_after_a_pause_300_kb_read(void **state)
{
	(void)state;
	early_refusal(POST("/paused", "300000"), 300000, 10, true);
}

/* A client that looks for an answer only when it has sent everything. */
static void httpd_early_refusal_of_9_mb_sent_at_once_read(void **state)
{
	struct answer a;

	(void)state;
	world_open(&w, NULL);
	client_open_as(&w, &c, true);
	client_send(&c, POST("/refuse", "9000000"));
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(client_send_most(&c, block, sizeof block, false), sizeof block);
	assert_true(client_answer(&c, &a, false));
	assert_int_equal(a.status, 422);
	client_expect_end(&c);
	client_close(&c);
	world_close(&w);
}

static void httpd_malformed_refused_and_closed(void **state)
{
	static const struct {
		const char *text;
		int status;
	} v[] = {
		{"\x16\x03\x01", 400},
		{"GET / HTTP/1.1\r\n\r\n", 400},
		{"GET / HTTP/1.0\r\nHost: h\r\n\r\n", 505},
		{"GET / HTTP/1.1\r\nHost: h\r\nExpect: tea\r\n\r\n", 417},
		{CHUNKED("/x") "zz\r\n", 400},
		{CHUNKED("/x") "1\r\nab", 400},
		{CHUNKED("/paused") "zz\r\n", 400},
		{POST("/refuse-in-body", "10") "abc", 415},
		{CHUNKED("/refuse-in-body") "3\r\nabc\r\nzz", 400},
	};

	(void)state;
	for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
		world_open(&w, NULL);
		client_open(&w, &c);
		client_send(&c, v[i].text);
		if (strstr(v[i].text, "/paused")) {
			UNTIL(&w, w.job != NULL);
			httpd_req_pause(w.job->r, false);
		}
		client_expect(&c, v[i].status, NULL, true);
		client_send(&c, GET("/next")); /* is read by nobody */
		client_expect_end(&c);
		client_close(&c);
		UNTIL(&w, httpd_connections(w.h) == 0);
		assert_int_equal(w.ends, 0);
		assert_int_equal(w.last_status, v[i].status);
		world_close(&w);
	}
}

static void httpd_connection_close_last_answer(void **state)
{
	(void)state;
	world_open(&w, NULL);
	client_open(&w, &c);
	client_send(&c,
		GET("/a") "GET /middle HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n" GET(
			"/never"));
	client_expect(&c, 200, "0", false);
	client_expect(&c, 200, NULL, true);
	client_expect_end(&c);
	assert_int_equal(w.requests, 2);
	client_close(&c);
	world_close(&w);
}

static void httpd_expect_continue_asked_for_when_awaited(void **state)
{
	static const char head[] =
		"POST /x HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n";
	struct answer a;

	(void)state;
	world_open(&w, NULL);
	client_open(&w, &c);
	client_send(&c, head);
	assert_true(client_answer(&c, &a, true));
	assert_int_equal(a.status, 100);
	client_send(&c, "abc");
	client_expect(&c, 200, "3", false);
	client_send(&c,
		"POST /paused HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: "
		"3\r\n\r\n");
	UNTIL(&w, w.job != NULL);
	loop_run_for(w.l, 20);
	httpd_problem(httpd_req_reply(w.job->r), TG_ESESSION, "no", NULL, NULL);
	httpd_req_pause(w.job->r, false); /* too late: no "100 Continue" may follow */
	client_expect(&c, 422, NULL, true);
	client_expect_end(&c);
	client_close(&c);
	world_close(&w);
}

static void httpd_head_has_no_content_also_streamed(void **state)
{
	struct answer a;

	(void)state;
	world_open(&w, NULL);
	client_open(&w, &c);
	client_send(&c,
		"HEAD /x HTTP/1.1\r\nHost: h\r\n\r\n"
		"HEAD /middle HTTP/1.1\r\nHost: h\r\n\r\n"
		"HEAD /refuse HTTP/1.1\r\nHost: h\r\n\r\n" GET("/x"));
	assert_true(client_answer(&c, &a, true));
	assert_int_equal(a.length, 1);
	assert_true(client_answer(&c, &a, true));
	assert_int_equal(a.length, 60000);
	assert_true(client_answer(&c, &a, true));
	assert_int_equal(a.status, 422);
	assert_true(a.length > 50);
	client_expect(&c, 200, "0", false);
	assert_int_equal(w.done_ok, 4);
	client_close(&c);
	world_close(&w);
}

/* The client has ended its direction, or says that it is the last request, and reads late: the
 * answers arrive whole. */
static void httpd_half_closed_slow_reader_gets_every_answer(void **state)
{
	static const struct {
		const char *text;
		unsigned answers;
	} v[] = {
		{GET("/middle"), 1},
		{GET("/x") GET("/middle"), 2},
		{GET("/middle") "GET /cut", 1},
		{GET("/middle") GET("/middle") POST("/x", "5") "abc", 2},
		{"GET /middle HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", 1},
		{GET("/big"), 1},
		{POST("/refuse", "300") "abc", 1},
	};

	(void)state;
	for (size_t i = 0; i < 2 * sizeof v / sizeof *v; i++) {
		world_open(&w, NULL);
		client_open_as(&w, &c, true);
		client_send(&c, v[i / 2].text);
		if (i % 2 == 1) { /* the end comes when the answers wait already */
			UNTIL(&w, w.requests > 0);
			loop_run_for(w.l, 20);
		}
		client_half_close(&c);
		loop_run_for(w.l, 30);
		for (unsigned k = 0; k < v[i / 2].answers; k++) {
			struct answer a;

			if (!client_answer(&c, &a, false))
				fail_msg("%zu: answer %u came with %u of %u bytes", i, k,
					(unsigned)a.got, (unsigned)a.length);
		}
		client_expect_end(&c);
		UNTIL(&w, httpd_connections(w.h) == 0); /* without waiting for the client to go */
		client_close(&c);
		world_close(&w);
	}
}

static void httpd_client_gone_in_each_phase_done_once(void **state)
{
	static const char *const v[] = {"", "GE", POST("/x", "5") "abc", CHUNKED("/x") "5\r\nab",
		POST("/paused", "5") "ab", GET("/hang"), GET("/big"),
		POST("/refuse", "50000") "abc", GET("/middle"), POST("/half", "70000")};

	(void)state;
	for (size_t i = 0; i < 2 * sizeof v / sizeof *v; i++) {
		const struct linger hard = {.l_onoff = 1, .l_linger = 0};

		world_open(&w, NULL);
		client_open_as(&w, &c, true);
		client_send(&c, v[i / 2]);
		loop_run_for(w.l, 20);
		if (i % 2 == 1)
			setsockopt(c.fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
		client_close(&c);
		/* whoever hangs does not hear of a mere half-close */
		if (i % 2 == 1 || v[i / 2] != v[5])
			UNTIL(&w, httpd_connections(w.h) == 0);
		world_close(&w);
	}
}

static void httpd_abort_in_each_callback_closes_and_ends_once(void **state)
{
	static const char *const v[] = {GET("/abort"), POST("/abort-in-body", "9") "abc",
		GET("/abort-in-reply"), GET("/abort-in-room"), GET("/too-much"),
		GET("/abort-in-done")};

	(void)state;
	for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
		struct answer a;

		world_open(&w, NULL);
		client_open(&w, &c);
		client_send(&c, v[i]);
		while (client_answer(&c, &a, false)) /* the last one's answer may come whole */
			assert_int_equal(i, 5);
		UNTIL(&w, httpd_connections(w.h) == 0);
		assert_int_equal(w.done, 1);
		assert_int_equal(w.done_ok, i == 5);
		client_close(&c);
		world_close(&w);
	}
}

/* A request that waits behind a slow one: the clock that its evidence may be held for has begun. */
static void httpd_age_counts_from_the_first_byte_also_behind_another(void **state)
{
	(void)state;
	world_open(&w, NULL);
	client_open(&w, &c);
	client_send(&c, GET("/hang") GET("/x"));
	UNTIL(&w, w.job != NULL);
	loop_run_for(w.l, 150);
	assert_int_equal(w.requests, 1);
	httpd_reply(httpd_req_reply(w.job->r), 200, NULL, NULL, "", 0);
	UNTIL(&w, w.requests == 2);
	assert_true(w.age_us >= 140000);
	client_expect(&c, 200, "", false);
	client_expect(&c, 200, "0", false);
	client_send(&c, GET("/y"));
	UNTIL(&w, w.requests == 3);
	assert_true(w.age_us < 5000000);
	client_close(&c);
	world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(httpd_pipelined_requests_answered_in_order),
		cmocka_unit_test(httpd_trickled_content_delivered_in_worthwhile_pieces),
		cmocka_unit_test(httpd_refusal_after_a_pause_300_kb_read),
		cmocka_unit_test(httpd_early_refusal_of_9_mb_sent_at_once_read),
		cmocka_unit_test(httpd_malformed_refused_and_closed),
		cmocka_unit_test(httpd_connection_close_last_answer),
		cmocka_unit_test(httpd_expect_continue_asked_for_when_awaited),
		cmocka_unit_test(httpd_head_has_no_content_also_streamed),
		cmocka_unit_test(httpd_half_closed_slow_reader_gets_every_answer),
		cmocka_unit_test(httpd_client_gone_in_each_phase_done_once),
		cmocka_unit_test(httpd_abort_in_each_callback_closes_and_ends_once),
		cmocka_unit_test(httpd_age_counts_from_the_first_byte_also_behind_another),
	};
	return cmocka_run_group_tests(tests, tls_setup, tls_teardown);
}
