/*
 * Goal: connections end when they should, and only then: who still reads, or waits for us, is not
 * late; lingering has an end; held answers; drain, reload, removed peers and the end of everything
 * in each phase of a request.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "httpd_fixture.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: h\r\n\r\n"
#define POST(path, length) "POST " path " HTTP/1.1\r\nHost: h\r\nContent-Length: " length "\r\n\r\n"
#define SLACK_MS 4000 /* a loaded machine, memcheck */

static struct world w;
static struct client c;

/* Until nobody is connected any more; returns how long that took. */
static uint64_t gone_after(uint64_t began)
{
	UNTIL(&w, httpd_connections(w.h) == 0);
	return now_ms() - began;
}

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
	gone_after(began);
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
	assert_in_range(gone_after(began), 500, 4000 + SLACK_MS);
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
	assert_in_range(gone_after(began), 900, 3000 + SLACK_MS);
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
	gone_after(0);
	world_close(&w);
}

static void *keep_none(void *ctx, const uint8_t spki[32], void *peer)
{
	(void)ctx, (void)spki, (void)peer;
	return NULL;
}

static void *keep_all(void *ctx, const uint8_t spki[32], void *peer)
{
	(void)spki, (void)peer;
	return ctx;
}

/* Of a held answer that fits the socket's buffers nothing is done before the client has received
 * it; meanwhile the next one is served. */
static void httpd_held_answer_ends_when_it_was_received(void **state)
{
	struct httpd_req *held;
	struct answer a;

	(void)state;
	world_open(&w, NULL);
	client_open(&w, &c);
	client_send(&c, GET("/held"));
	UNTIL(&w, w.logged == 1); /* the kernel has it */
	held = w.job->r;
	client_send(&c, GET("/x"));
	UNTIL(&w, w.logged == 2);
	loop_run_for(w.l, 1100); /* longer than from look to look */
	assert_int_equal(w.done, 1);
	assert_false(httpd_reply_is_acked(httpd_req_reply(held)));
	assert_true(client_answer(&c, &a, false));
	assert_int_equal(a.got, 400000);
	client_expect(&c, 200, "0", false);
	UNTIL(&w, w.done == 2);
	assert_int_equal(w.done_ok, 2);
	client_send(&c, GET("/x"));
	client_expect(&c, 200, "0", false);
	client_close(&c);
	world_close(&w);
}

static void httpd_revoked_answer_stays_where_the_kernel_has_it(void **state)
{
	struct answer a;

	(void)state;
	world_open(&w, NULL);
	client_open(&w, &c);
	client_send(&c, GET("/held"));
	UNTIL(&w, w.logged == 1);
	httpd_reply_revoke(httpd_req_reply(w.job->r));
	UNTIL(&w, httpd_connections(w.h) == 0);
	assert_int_equal(w.done, 1);
	assert_int_equal(w.done_ok, 0);
	assert_false(client_answer(&c, &a, false));
	assert_true(c.broken); /* a reset, no end in order */
	client_close(&c);
	world_close(&w);
}

static void httpd_revoking_what_was_received_disturbs_nobody(void **state)
{
	struct httpd_req *held;

	(void)state;
	world_open(&w, NULL);
	client_open(&w, &c);
	client_send(&c, GET("/held-small"));
	UNTIL(&w, w.logged == 1);
	held = w.job->r;
	client_expect(&c, 200, NULL, false);
	client_send(&c, GET("/x")); /* and with it the acknowledgement */
	client_expect(&c, 200, "0", false);
	httpd_reply_revoke(httpd_req_reply(held));
	assert_int_equal(w.done_ok, 2);
	client_send(&c, "GET /held-small HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
	client_expect(&c, 200, NULL, true);
	client_expect_end(&c); /* in order */
	client_close(&c);
	gone_after(0);
	assert_int_equal(w.done_ok, 3);
	world_close(&w);
}

/* More of them than may be held on one connection: the last wait until the first were received. */
static void httpd_many_held_answers_of_a_pipeline_all_come(void **state)
{
	(void)state;
	world_open(&w, NULL);
	client_open(&w, &c);
	for (int i = 0; i < 100; i++)
		client_send(&c, GET("/held-small"));
	client_half_close(&c);
	for (int i = 0; i < 100; i++)
		client_expect(&c, 200, NULL, false);
	client_expect_end(&c);
	UNTIL(&w, w.done_ok == 100);
	client_close(&c);
	gone_after(0);
	world_close(&w);
}

static void httpd_held_answer_that_nobody_receives_is_cut_off(void **state)
{
	static const char *const v[] = {
		GET("/held"), "GET /held HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"};

	(void)state;
	for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
		struct answer a;
		uint64_t began = now_ms();

		world_open(&w, &(struct httpd_limits){.send_idle_s = 1});
		client_open(&w, &c);
		client_send(&c, v[i]);
		assert_in_range(gone_after(began), 900, 3000 + SLACK_MS);
		assert_int_equal(w.done_ok, 0);
		assert_false(client_answer(&c, &a, false));
		assert_true(c.broken);
		client_close(&c);
		world_close(&w);
	}
}

static void httpd_removed_peer_closed_at_once_mid_request(void **state)
{
	static const char *const v[] = {"GE", POST("/x", "5") "abc", GET("/hang"), GET("/big")};

	(void)state;
	for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
		struct answer a;

		world_open(&w, NULL);
		client_open_as(&w, &c, true);
		client_send(&c, v[i]);
		loop_run_for(w.l, 20);
		httpd_each_peer(w.h, keep_all, &w); /* stays */
		loop_run_for(w.l, 20);
		assert_int_equal(httpd_connections(w.h), 1);
		httpd_each_peer(w.h, keep_none, NULL);
		loop_run_for(w.l, 0);
		loop_run_for(w.l, 0);
		assert_int_equal(httpd_connections(w.h), 0);
		assert_int_equal(w.done, w.handled);
		assert_int_equal(w.done_ok, 0);
		assert_false(client_answer(&c, &a, false));
		client_close(&c);
		world_close(&w);
	}
}

static void httpd_connection_ends_with_its_certificate(void **state)
{
	SSL_CTX *lasting = client_ctx;

	(void)state;
	world_open(&w, NULL);
	client_ctx = pki_client_ctx(&pki, pki.brief, pki.brief_key);
	client_open(&w, &c);
	client_send(&c, GET("/x"));
	client_expect(&c, 200, "0", false);
	LOOP_UNTIL(w.l, httpd_connections(w.h) == 0);
	assert_int_equal(httpd_connections(w.h), 0);
	client_close(&c);
	world_close(&w);
	SSL_CTX_free(client_ctx);
	client_ctx = lasting;
}

static void httpd_set_tls_without_its_authority_ends_a_connection(void **state)
{
	char err[256];
	SSL_CTX *same, *other;

	(void)state;
	world_open(&w, NULL);
	same = pki_server_ctx(pki.server, pki.server_key, pki.ca, err, sizeof err);
	other = pki_server_ctx(pki.server, pki.server_key, pki.stranger, err, sizeof err);
	client_open(&w, &c);
	client_send(&c, GET("/x"));
	client_expect(&c, 200, "0", false);
	httpd_set_tls(w.h, same);
	client_send(&c, GET("/x"));
	client_expect(&c, 200, "0", false);
	httpd_set_tls(w.h, other);
	LOOP_UNTIL(w.l, httpd_connections(w.h) == 0);
	assert_int_equal(httpd_connections(w.h), 0);
	client_close(&c);
	world_close(&w);
	SSL_CTX_free(same);
	SSL_CTX_free(other);
}

static void httpd_stranger_whom_a_reload_knows_is_served(void **state)
{
	(void)state;
	world_open(&w, NULL);
	w.unknown_peer = true;
	client_open(&w, &c);
	client_send(&c, "GE");
	loop_run_for(w.l, 20);
	assert_int_equal(w.requests, 0);
	httpd_each_peer(w.h, keep_none, NULL); /* still unknown: no reason to close */
	httpd_each_peer(w.h, keep_all, &w);
	client_send(&c, GET("/x") + 2);
	client_expect(&c, 200, "0", false);
	client_close(&c);
	world_close(&w);
}

static void httpd_free_in_each_phase_ends_every_handler(void **state)
{
	static const char *const v[] = {"", "GE", POST("/x", "5") "abc", POST("/paused", "5") "ab",
		GET("/hang"), GET("/big"), POST("/refuse", "50") "abc", GET("/held") GET("/hang")};
	static struct client many[sizeof v / sizeof *v];
	int fd[2];

	(void)state;
	world_open(&w, NULL);
	for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
		client_open_as(&w, &many[i], true);
		client_send(&many[i], v[i]);
	}
	pair_of(fd, false);
	httpd_accept(w.h, fd[1]);
	loop_run_for(w.l, 20);
	assert_int_equal(httpd_connections(w.h), sizeof v / sizeof *v + 1);
	assert_true(w.handled > w.done);
	close(fd[0]);
	for (size_t i = 0; i < sizeof v / sizeof *v; i++)
		client_close(&many[i]);
	world_close(&w);
}

static void httpd_set_tls_new_connections_use_it(void **state)
{
	char err[256];
	SSL_CTX *fresh = pki_server_ctx(pki.server, pki.server_key, pki.ca, err, sizeof err);
	static struct client old, young;

	(void)state;
	world_open(&w, NULL);
	client_open(&w, &old);
	httpd_set_tls(w.h, fresh);
	SSL_CTX_free(fresh);
	client_open(&w, &young);
	client_send(&old, GET("/x"));
	client_send(&young, GET("/x"));
	client_expect(&old, 200, "0", false);
	client_expect(&young, 200, "0", false);
	client_close(&old);
	client_close(&young);
	world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		/* first: it lives from the making of the certificates */
		cmocka_unit_test(httpd_connection_ends_with_its_certificate),
		cmocka_unit_test(httpd_set_tls_without_its_authority_ends_a_connection),
		cmocka_unit_test(httpd_idle_closed_in_order_in_time),
		cmocka_unit_test(httpd_idle_timeout_spares_who_still_reads),
		cmocka_unit_test(httpd_content_waiting_for_a_paused_handler_not_late),
		cmocka_unit_test(httpd_silent_handler_503_and_told_first),
		cmocka_unit_test(httpd_lingering_ends_whatever_still_comes),
		cmocka_unit_test(httpd_lingering_reader_that_stops_is_cut_off),
		cmocka_unit_test(httpd_drain_in_a_callback_is_safe),
		cmocka_unit_test(httpd_held_answer_ends_when_it_was_received),
		cmocka_unit_test(httpd_revoked_answer_stays_where_the_kernel_has_it),
		cmocka_unit_test(httpd_revoking_what_was_received_disturbs_nobody),
		cmocka_unit_test(httpd_many_held_answers_of_a_pipeline_all_come),
		cmocka_unit_test(httpd_held_answer_that_nobody_receives_is_cut_off),
		cmocka_unit_test(httpd_removed_peer_closed_at_once_mid_request),
		cmocka_unit_test(httpd_stranger_whom_a_reload_knows_is_served),
		cmocka_unit_test(httpd_free_in_each_phase_ends_every_handler),
		cmocka_unit_test(httpd_set_tls_new_connections_use_it),
	};
	return cmocka_run_group_tests(tests, httpd_setup, httpd_teardown);
}
