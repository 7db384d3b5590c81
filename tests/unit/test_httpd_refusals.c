/*
 * Goal: every refusal is read by its client, whatever the client is still sending, and says what
 * is wrong. (runner: slow: it waits for timeouts.)
 */
#include <fcntl.h>
#include <pthread.h>
#include "httpd_script.h"

/* A plain blocking client, as naive as they come: sends everything, then reads. It has a thread of
 * its own, so that the loop can serve. */
struct naive {
	int fd, done;
	size_t content;
	int result;
};

/* Returns 0 when it read the refusal whole. */
static int naive_talk(const struct naive *x, SSL *ssl)
{
	char head[128], buf[4096], block[1000] = "";
	int n, got = 0;

	SSL_set_fd(ssl, x->fd);
	snprintf(head, sizeof head,
		"POST /refuse HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n", x->content);
	if (SSL_connect(ssl) != 1 || SSL_write(ssl, head, (int)strlen(head)) <= 0)
		return 2;
	for (size_t at = 0; at < x->content; at += sizeof block)
		if (SSL_write(ssl, block,
			    x->content - at < sizeof block ? (int)(x->content - at) :
							     (int)sizeof block) <= 0)
			return 3;
	while (got < (int)sizeof buf - 1 &&
		(n = SSL_read(ssl, buf + got, (int)sizeof buf - 1 - got)) > 0)
		got += n;
	buf[got] = '\0';
	return strncmp(buf, "HTTP/1.1 422 ", 13) == 0 && strstr(buf, "Connection: close\r\n") &&
			strstr(buf, "\"more\":1}") ?
		0 :
		4;
}

static void *naive_client(void *arg)
{
	struct naive *x = arg;
	SSL *ssl = SSL_new(client_ctx);

	x->result = naive_talk(x, ssl);
	SSL_free(ssl);
	close(x->fd);
	OPENSSL_thread_stop();
	return write(x->done, "", 1) == 1 ? x : NULL;
}

static void on_naive_done(evutil_socket_t fd, short what, void *arg)
{
	char byte;

	(void)what;
	assert_int_equal(read(fd, &byte, 1), 1);
	loop_stop(arg);
}

static void httpd_early_refusal_is_read_by_the_client_always(void **state)
{
	static const size_t size[] = {3000, 300000};
	int done[2];

	(void)state;
	assert_int_equal(pipe2(done, O_CLOEXEC), 0);
	for (size_t i = 0; i < 2; i++) {
		struct world w;
		struct event *told;

		open_world(&w, &patient);
		told = event_new(loop_base(w.l), done[0], EV_READ | EV_PERSIST, on_naive_done, w.l);
		event_add(told, NULL);
		for (int round = 0; round < 60; round++) {
			struct naive x = {.done = done[1], .content = size[i], .result = -1};
			pthread_t thread;
			int fd[2];

			assert_int_equal(tcp_pair(fd), 0);
			x.fd = fd[0];
			if (round % 4 != 0) /* the others wait 40 ms for acknowledgements */
				setsockopt(x.fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
			assert_int_not_equal(
				fcntl(x.fd, F_SETFL, fcntl(x.fd, F_GETFL) & ~O_NONBLOCK), -1);
			assert_int_equal(pthread_create(&thread, NULL, naive_client, &x), 0);
			httpd_accept(w.h, fd[1]);
			if (!loop_run_for(w.l, 20000)) {
				print_error(
					"%zu bytes, round %d: the client hangs\n", size[i], round);
				abort(); /* its thread still uses what stands here */
			}
			assert_int_equal(pthread_join(thread, NULL), 0);
			if (x.result != 0)
				fail_msg("%zu bytes, round %d: the client ended with %d", size[i],
					round, x.result);
		}
		event_free(told);
		assert_int_equal(w.requests, 60);
		close_world(&w);
	}
	close(done[0]);
	close(done[1]);
}

static void httpd_endless_content_after_refusal_is_cut(void **state)
{
	struct httpd_limits brief = patient;
	struct world w;

	(void)state;
	brief.linger_max_s = 1;
	open_world(&w, &brief);
	send_text(&w, POST("/refuse", "100000000", ""));
	send_content(&w, 60000000);
	LOOP_UNTIL(w.l, httpd_connections(w.h) == 0);
	assert_int_equal(httpd_connections(w.h), 0);
	assert_int_equal(w.last_status, 422);
	/* in that second it read 16 MB at most */
	assert_true(evbuffer_get_length(stream_out(w.s)) > 20000000);
	close_world(&w);
}

static void httpd_silent_client_after_close_lingers_a_second(void **state)
{
	struct world w;
	uint64_t began;

	(void)state;
	open_world(&w, &patient);
	send_text(&w, GET("/refuse", "Connection: close\r\n"));
	until_gone(&w); /* the server's FIN; ours never comes */
	began = clock_mono_us();
	assert_int_equal(httpd_connections(w.h), 1);
	LOOP_UNTIL(w.l, httpd_connections(w.h) == 0);
	assert_in_range(clock_mono_us() - began, 800000, 10000000);
	close_world(&w);
}

static void httpd_problem_document_has_its_members(void **state)
{
	struct world w;
	const char *a;

	(void)state;
	open_world(&w, &patient);
	send_text(&w, GET("/refuse", "") GET("/busy", "Connection: close\r\n"));
	until_gone(&w);
	a = answer(&w);
	assert_non_null(strstr(a, "Content-Type: application/problem+json\r\n"));
	assert_non_null(strstr(a,
		"{\"type\":\"/problems/issuer\",\"title\":\"unknown or missing "
		"issuer\",\"status\":422,\"detail\":\"say \\\"which\\\"\",\"request\":\""));
	assert_non_null(strstr(a, "\",\"more\":1}"));
	assert_int_equal(count(a, "Retry-After: 1\r\n"), 1);
	assert_non_null(strstr(strstr(a, "HTTP/1.1 507"), "Retry-After: 1\r\nX-More: yes\r\n"));
	assert_string_equal(w.last_slug, "store-full");
	close_world(&w);
}

/* Each answer has an id of its own, in its head and in its problem document. */
static void httpd_answers_have_ids(void **state)
{
	struct world w;
	char first[HTTPD_REQ_ID_CHARS + 1], second[HTTPD_REQ_ID_CHARS + 1];
	const char *a;

	(void)state;
	open_world(&w, &patient);
	send_text(&w, GET("/refuse", "") GET("/refuse", "Connection: close\r\n"));
	until_gone(&w);
	a = answer(&w);
	assert_int_equal(count(a, "Request-Id: "), 2);
	for (int i = 0; i < 2; i++) {
		char *id = i == 0 ? first : second;

		a = strstr(a, "Request-Id: ") + strlen("Request-Id: ");
		snprintf(id, sizeof first, "%s", a);
		assert_int_equal(strspn(id, "0123456789abcdef"), HTTPD_REQ_ID_CHARS);
		a = strstr(a, "\"request\":\"") + strlen("\"request\":\"");
		assert_memory_equal(a, id, HTTPD_REQ_ID_CHARS);
	}
	assert_string_not_equal(first, second);
	close_world(&w);
}

/* As many bytes of fields as are allowed arrive whole, also beside Retry-After; one more is
 * nobody's half of a line. */
static void httpd_problem_cuts_no_field(void **state)
{
	struct world w;

	(void)state;
	open_world(&w, &patient);
	send_text(&w, GET("/fields", "") GET("/more-fields", ""));
	until_gone(&w);
	assert_int_equal(count(answer(&w), "HTTP/1.1 507"), 1);
	assert_non_null(strstr(answer(&w), "Retry-After: 1\r\nX-Long: xxx"));
	assert_non_null(strstr(answer(&w), "xxx\r\nCache-Control: "));
	close_world(&w);
}

static void httpd_malformed_requests_are_answered_and_closed(void **state)
{
	static const struct {
		const char *text;
		int status;
	} c[] = {
		{"GET / HTTP/1.0\r\nHost: x\r\n\r\n", 505},
		{"GET /\nHost: x\n\n", 400},
		{"GET / HTTP/1.1\r\n\r\n", 400},
		{" GET", 400},
		{POST("/echo", "1, 1", ""), 400},
		{GET("/", "Upgrade: h2c\r\n"), 501},
		{"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: "
		 "chunked\r\n\r\n3;x\r\nabc\r\n0\r\n\r\n",
			400},
	};

	(void)state;
	for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
		struct world w;
		char want[32];

		open_world(&w, &patient);
		send_text(&w, c[i].text);
		until_gone(&w);
		snprintf(want, sizeof want, "HTTP/1.1 %d ", c[i].status);
		assert_memory_equal(answer(&w), want, strlen(want));
		assert_non_null(strstr(answer(&w), "Connection: close\r\n"));
		assert_int_equal(w.logs, 1);
		assert_int_equal(w.last_status, c[i].status);
		close_world(&w);
	}
}

static void httpd_head_too_large_is_431(void **state)
{
	struct world w;

	(void)state;
	open_world(&w, &patient);
	send_text(&w, "GET / HTTP/1.1\r\nHost: x\r\nA: ");
	for (int i = 0; i < 2000; i++)
		send_text(&w, "aaaaaaaaaa");
	until_gone(&w);
	assert_memory_equal(answer(&w), "HTTP/1.1 431 ", 13);
	close_world(&w);
}

static void httpd_unknown_peer_gets_403(void **state)
{
	char spki[65], wanted[80];
	uint8_t key[32];
	struct world w;

	(void)state;
	open_world(&w, &patient);
	w.no_peer = true;
	send_text(&w, GET("/big", "") GET("/big", ""));
	until_gone(&w); /* a stranger has one request */
	assert_int_equal(w.requests, 0);
	assert_int_equal(w.logs, 1);
	assert_int_equal(count(answer(&w), "HTTP/1.1 403"), 1);
	assert_string_equal(w.last_slug, "unknown-peer");
	/* What the configuration lacks, as it takes it. */
	assert_int_equal(pem_spki(pki.client, key, wanted, sizeof wanted), 0);
	for (size_t i = 0; i < sizeof key; i++)
		snprintf(spki + 2 * i, 3, "%02x", key[i]);
	snprintf(wanted, sizeof wanted, "spki = %s,", spki);
	assert_int_equal(count(answer(&w), wanted), 1);
	close_world(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(httpd_early_refusal_is_read_by_the_client_always),
		cmocka_unit_test(httpd_endless_content_after_refusal_is_cut),
		cmocka_unit_test(httpd_silent_client_after_close_lingers_a_second),
		cmocka_unit_test(httpd_problem_document_has_its_members),
		cmocka_unit_test(httpd_answers_have_ids),
		cmocka_unit_test(httpd_problem_cuts_no_field),
		cmocka_unit_test(httpd_malformed_requests_are_answered_and_closed),
		cmocka_unit_test(httpd_head_too_large_is_431),
		cmocka_unit_test(httpd_unknown_peer_gets_403),
	};

	return cmocka_run_group_tests(tests, tls_setup, tls_teardown);
}
