/*
 * Goal: an answer that is held until its client has received it ends then, or when it is revoked,
 * or when its time is over.
 */
#include "check.h"
#include "httpd_fixture.h"

static struct world w;
static struct client c;

/* Of a held answer that fits the socket's buffers nothing is done before the client has received
 * it; meanwhile the next one is served. */
static void httpd_revocable_answer_ends_when_it_was_received(void **state)
{
	struct httpd_req *held;
	struct answer a;

	(void)state;
	world_open(&w, NULL);
	client_open(&w, &c);
	client_send(&c, GET("/revocable"));
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
	client_send(&c, GET("/revocable"));
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
	client_send(&c, GET("/revocable-small"));
	UNTIL(&w, w.logged == 1);
	held = w.job != NULL ? w.job->r : NULL; /* a slow machine has looked already */
	client_expect(&c, 200, NULL, false);
	client_send(&c, GET("/x")); /* and with it the acknowledgement */
	client_expect(&c, 200, "0", false);
	if (held != NULL && w.done < 2)
		httpd_reply_revoke(httpd_req_reply(held));
	assert_int_equal(w.done_ok, 2);
	client_send(&c, "GET /revocable-small HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
	client_expect(&c, 200, NULL, true);
	client_expect_end(&c); /* in order */
	client_close(&c);
	gone_after(&w, 0);
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
		client_send(&c, GET("/revocable-small"));
	client_half_close(&c);
	for (int i = 0; i < 100; i++)
		client_expect(&c, 200, NULL, false);
	client_expect_end(&c);
	UNTIL(&w, w.done_ok == 100);
	client_close(&c);
	gone_after(&w, 0);
	world_close(&w);
}

static void httpd_revocable_answer_that_nobody_receives_is_cut_off(void **state)
{
	static const char *const v[] = {GET("/revocable"),
		"GET /revocable HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"};

	(void)state;
	for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
		struct answer a;
		uint64_t began = now_ms();

		world_open(&w, &(struct httpd_limits){.send_idle_s = 1});
		client_open(&w, &c);
		client_send(&c, v[i]);
		assert_in_range(gone_after(&w, began), 900, 3000 + SLACK_MS);
		assert_int_equal(w.done_ok, 0);
		assert_false(client_answer(&c, &a, false));
		assert_true(c.broken);
		client_close(&c);
		world_close(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(httpd_revocable_answer_ends_when_it_was_received),
		cmocka_unit_test(httpd_revoked_answer_stays_where_the_kernel_has_it),
		cmocka_unit_test(httpd_revoking_what_was_received_disturbs_nobody),
		cmocka_unit_test(httpd_many_held_answers_of_a_pipeline_all_come),
		cmocka_unit_test(httpd_revocable_answer_that_nobody_receives_is_cut_off),
	};

	return cmocka_run_group_tests(tests, tls_setup, tls_teardown);
}
