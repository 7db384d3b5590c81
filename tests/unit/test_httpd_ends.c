/*
 * Goal: a connection ends when its time is over, and not before: a client that still reads, or that
 * waits for the server, is not late; lingering has an end.
 */
#include "check.h"
#include "httpd_fixture.h"

static struct world w;
static struct client c;

static void httpd_idle_closed_in_order_in_time(void **state)
{
	uint64_t began;

	(void)state;
	world_open(&w, &(struct httpd_limits){.idle_timeout_s = 1});
	client_open(&w, &c);
	client_send(&c, GET("/x"));
	client_expect(&c, 200, "0", false);
	began = now_ms();
	client_expect_end(&c); /* with a close_notify */
	assert_in_range(now_ms() - began, 900, 1000 + SLACK_MS);
	client_close(&c);
	gone_after(&w, began);
	assert_int_equal(w.logged, 1);
	world_close(&w);
}

/* A slow reader of the last 64 KiB is not idle. */
static void httpd_idle_timeout_spares_who_still_reads(void **state)
{
	char some[2000];
	uint64_t began;

	(void)state;
	world_open(&w, &(struct httpd_limits){.idle_timeout_s = 2});
	client_open_as(&w, &c, true);
	client_send(&c, GET("/middle") GET("/middle"));
	while (w.done < 2) {
		SSL_read(c.ssl, some, sizeof some);
		loop_run_for(w.l, 5);
	}
	began = now_ms();
	while (now_ms() - began < 3500) { /* a little every 100 ms, longer than the timeout */
		SSL_read(c.ssl, some, sizeof some);
		loop_run_for(w.l, 100);
	}
	assert_int_equal(httpd_connections(w.h), 1);
	began = now_ms(); /* and now reads nothing any more */
	assert_in_range(gone_after(&w, began), 500, 4000 + SLACK_MS);
	client_close(&c);
	world_close(&w);
}

/* It is not the client's fault that nothing moves. */
static void httpd_content_waiting_for_a_paused_handler_not_late(void **state)
{
	(void)state;
	world_open(&w, &(struct httpd_limits){.body_idle_s = 1});
	client_open(&w, &c);
	client_send(&c, POST("/paused", "3") "abc");
	loop_run_for(w.l, 2500);
	assert_int_equal(w.logged, 0);
	httpd_req_pause(w.job->r, false);
	client_expect(&c, 200, "3", false);
	client_close(&c);
	world_close(&w);
}

static void httpd_silent_handler_503_and_told_first(void **state)
{
	(void)state;
	world_open(&w, &(struct httpd_limits){.handler_timeout_s = 1});
	client_open(&w, &c);
	client_send(&c, GET("/hang") GET("/never"));
	client_expect(&c, 503, NULL, true);
	client_expect_end(&c);
	assert_int_equal(w.done, 1);
	assert_int_equal(w.done_ok, 0); /* so it cannot add to an answer that is not its own */
	assert_int_equal(w.requests, 1);
	client_close(&c);
	world_close(&w);
}

/* The answer is out at once: what follows has its own time, whatever a slow reader would be given,
 * and a client that goes on sending has no more of it. */
static void httpd_lingering_ends_whatever_still_comes(void **state)
{
	struct answer a;
	uint64_t began;

	(void)state;
	world_open(&w, &(struct httpd_limits){.send_idle_s = 60, .linger_max_s = 2});
	client_open(&w, &c);
	client_send(&c, POST("/refuse", "3000") "abc");
	assert_true(client_answer(&c, &a, false));
	began = now_ms();
	while (httpd_connections(w.h) > 0 && now_ms() - began < PATIENCE_MS) {
		/* goes on sending, and does not close */
		client_send_most(&c, "more", 4, true);
		loop_run_for(w.l, 50);
	}
	assert_in_range(now_ms() - began, 1800, 2000 + SLACK_MS);
	client_close(&c);
	world_close(&w);
}

static void httpd_lingering_reader_that_stops_is_cut_off(void **state)
{
	uint64_t began;

	(void)state;
	world_open(&w, &(struct httpd_limits){.send_idle_s = 1});
	client_open_as(&w, &c, true);
	client_send(&c, "GET /middle HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
	UNTIL(&w, w.done == 1);
	began = now_ms();
	assert_in_range(gone_after(&w, began), 900, 3000 + SLACK_MS);
	client_close(&c);
	world_close(&w);
}

static void httpd_drain_in_a_callback_is_safe(void **state)
{
	static struct client other;

	(void)state;
	world_open(&w, NULL);
	client_open(&w, &other);
	client_open(&w, &c);
	client_send(&c, GET("/drain-all"));
	client_expect(&c, 200, "0", true);
	client_expect_end(&c);
	client_expect_end(&other);
	client_close(&c);
	client_close(&other);
	gone_after(&w, 0);
	world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(httpd_idle_closed_in_order_in_time),
		cmocka_unit_test(httpd_idle_timeout_spares_who_still_reads),
		cmocka_unit_test(httpd_content_waiting_for_a_paused_handler_not_late),
		cmocka_unit_test(httpd_silent_handler_503_and_told_first),
		cmocka_unit_test(httpd_lingering_ends_whatever_still_comes),
		cmocka_unit_test(httpd_lingering_reader_that_stops_is_cut_off),
		cmocka_unit_test(httpd_drain_in_a_callback_is_safe),
	};

	return cmocka_run_group_tests(tests, tls_setup, tls_teardown);
}
