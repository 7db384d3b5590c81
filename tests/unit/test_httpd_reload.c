/*
 * Goal: what a reload changes ends the connections that it concerns, and no others: removed peers,
 * other certificates and authorities, certificates that end; and the end of the server ends all.
 */
#include "check.h"
#include "httpd_fixture.h"

static struct world w;
static struct client c;

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
		GET("/hang"), GET("/big"), POST("/refuse", "50") "abc",
		GET("/revocable") GET("/hang")};
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
		cmocka_unit_test(httpd_removed_peer_closed_at_once_mid_request),
		cmocka_unit_test(httpd_stranger_whom_a_reload_knows_is_served),
		cmocka_unit_test(httpd_free_in_each_phase_ends_every_handler),
		cmocka_unit_test(httpd_set_tls_new_connections_use_it),
	};

	return cmocka_run_group_tests(tests, tls_setup, tls_teardown);
}
