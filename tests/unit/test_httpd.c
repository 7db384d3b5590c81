/*
 * Goal: requests are answered in order however they arrive, content and answers stream with
 * back-pressure, every refusal is read by its client, every timeout and every way of going away
 * ends the request exactly once. Real TLS over loopback; the client is a stream with a script.
 * (runner: slow: it waits for timeouts.)
 */
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <timeglas/errors.h>
#include "net_fixture.h"
#include "base/clock.h"
#include "http/httpd.h"
#include "net/stream.h"
#include "net/tls.h"

static struct pki pki;
static SSL_CTX *server_ctx, *client_ctx;
static int the_peer;

#define BIG_BYTES 3000001u

struct world;

struct handling { /* one request under way */
	struct world *w;
	struct httpd_req *r;
	uint64_t got, left; /* content seen; answer bytes still to give */
	bool pause_each, ended;
	struct event *later;
};

struct world {
	struct loop *l;
	struct httpd *h;
	struct stream *s; /* the client */
	struct evbuffer *answer;
	size_t want;             /* stop when the answer has that many bytes */
	bool gone, stop_on_done; /* the client's stream ended */
	enum stream_end why;
	unsigned requests, done_ok, done_failed, logs, on_ends;
	int last_status;
	char last_slug[32];
	uint64_t last_in, last_out;
	bool no_peer;
	size_t drip; /* client: bytes per turn; 0: all at once */
	struct evbuffer *to_send;
	struct event *dripper;
	size_t max_waiting;
	unsigned fds;
};

/* The layer above ---------------------------------------------------------- */

static void unpause(evutil_socket_t fd, short what, void *arg)
{
	struct handling *x = arg;

	(void)fd, (void)what;
	httpd_req_pause(x->r, false);
}

static void echo_body(struct httpd_req *r, struct evbuffer *data, void *ctx)
{
	const struct timeval soon = {.tv_usec = 1000};
	struct handling *x = ctx;
	size_t n = evbuffer_get_length(data);

	assert_false(x->ended);
	if (n > x->w->max_waiting)
		x->w->max_waiting = n;
	x->got += n;
	evbuffer_drain(data, n);
	if (x->pause_each) {
		httpd_req_pause(r, true);
		evtimer_add(x->later, &soon);
	}
}

static void echo_end(struct httpd_req *r, void *ctx)
{
	struct handling *x = ctx;
	char text[64];
	int n = snprintf(text, sizeof text, "%llu", (unsigned long long)x->got);

	x->ended = true;
	x->w->on_ends++;
	httpd_reply(httpd_req_reply(r), 200, NULL, "text/plain", text, (size_t)n);
}

static void give(struct httpd_req *r, void *ctx)
{
	struct handling *x = ctx;
	struct evbuffer *b = evbuffer_new();

	while (x->left > 0 && httpd_reply_room(httpd_req_reply(r)) > 0) {
		char block[5000];
		size_t n = x->left < sizeof block ? (size_t)x->left : sizeof block;

		memset(block, 'x', n);
		evbuffer_add(b, block, n);
		x->left -= n;
		httpd_reply_data(httpd_req_reply(r), b);
	}
	evbuffer_free(b);
}

static void on_done(struct httpd_req *r, bool ok, void *ctx)
{
	struct handling *x = ctx;
	struct world *w = x->w;

	assert_ptr_equal(r, x->r);
	w->done_ok += ok;
	w->done_failed += !ok;
	if (x->later)
		event_free(x->later);
	free(x);
	if (w->stop_on_done)
		loop_stop(w->l);
}

static void hoard(struct httpd_req *r, struct evbuffer *data, void *ctx)
{
	struct handling *x = ctx;

	(void)r;
	if (evbuffer_get_length(data) > x->w->max_waiting)
		x->w->max_waiting = evbuffer_get_length(data);
}

static const struct httpd_handler hoarder = {.on_body = hoard, .on_done = on_done};
static const struct httpd_handler echo = {
	.on_body = echo_body, .on_end = echo_end, .on_done = on_done};
static const struct httpd_handler giver = {.on_room = give, .on_done = on_done};
static const struct httpd_handler silent = {.on_done = on_done};

static void *on_peer(void *ctx, const uint8_t spki[32])
{
	struct world *w = ctx;
	uint8_t want[32];
	char err[128];

	assert_int_equal(pem_spki(pki.client, want, err, sizeof err), 0);
	assert_memory_equal(want, spki, 32);
	return w->no_peer ? NULL : &the_peer;
}

static void on_request(void *ctx, struct httpd_req *r)
{
	struct world *w = ctx;
	const struct h1_str path = httpd_req_head(r)->path;
	struct handling *x = calloc(1, sizeof *x);

	w->requests++;
	x->w = w;
	x->r = r;
	assert_ptr_equal(httpd_req_peer(r), &the_peer);
	httpd_req_label(r, "test");
	if (path.n >= 5 && memcmp(path.p, "/echo", 5) == 0) {
		x->pause_each = path.n > 5; /* /echo-slowly */
		x->later = evtimer_new(loop_base(w->l), unpause, x);
		httpd_req_handle(r, &echo, x);
	} else if (path.n == 6 && memcmp(path.p, "/hoard", 6) == 0) {
		httpd_req_handle(r, &hoarder, x);
	} else if (path.n == 4 && memcmp(path.p, "/big", 4) == 0) {
		httpd_req_handle(r, &giver, x);
		x->left = BIG_BYTES;
		httpd_reply_begin(httpd_req_reply(r), 200, "ETag: \"a\"\r\n",
			"application/octet-stream", BIG_BYTES);
		if (httpd_req_head(r)->method != H1_HEAD)
			give(r, x);
	} else if (path.n == 7 && memcmp(path.p, "/refuse", 7) == 0) {
		httpd_req_handle(r, &silent, x);
		httpd_problem(httpd_req_reply(r), TG_EISSUER, "say \"which\"", NULL, ",\"more\":1");
	} else if (path.n == 5 && memcmp(path.p, "/busy", 5) == 0) {
		httpd_req_handle(r, &silent, x);
		httpd_problem(httpd_req_reply(r), TG_EFULL, "come again", "X-More: yes\r\n", NULL);
	} else if ((path.n == 7 && memcmp(path.p, "/fields", 7) == 0) ||
		(path.n == 12 && memcmp(path.p, "/more-fields", 12) == 0)) {
		static char fields[HTTPD_REPLY_FIELDS_MAX + 2];
		size_t n = path.n == 7 ? HTTPD_REPLY_FIELDS_MAX : HTTPD_REPLY_FIELDS_MAX + 1;

		memset(fields, 'x', sizeof fields);
		memcpy(fields, "X-Long: ", 8);
		memcpy(fields + n - 2, "\r\n", 3);
		httpd_req_handle(r, &silent, x);
		httpd_problem(httpd_req_reply(r), TG_EFULL, "come again", fields, NULL);
	} else if (path.n == 6 && memcmp(path.p, "/abort", 6) == 0) {
		httpd_req_handle(r, &silent, x);
		httpd_reply_begin(httpd_req_reply(r), 200, NULL, "text/plain", 10);
		httpd_reply_abort(httpd_req_reply(r));
	} else {
		httpd_req_handle(r, &silent, x); /* never answered */
	}
}

static void on_log(void *ctx, struct httpd_req *r, int status, const char *slug, uint64_t in_bytes,
	uint64_t out_bytes, uint64_t duration_us)
{
	struct world *w = ctx;

	(void)r;
	w->logs++;
	w->last_status = status;
	snprintf(w->last_slug, sizeof w->last_slug, "%s", slug ? slug : "");
	w->last_in = in_bytes;
	w->last_out = out_bytes;
	assert_true(duration_us < 60000000);
}

static const struct httpd_calls calls = {.on_peer = on_peer,
	.on_request = on_request,
	.on_log = on_log,
	.late_code = TG_ESTORE,
	.late_detail = "no answer in time"};

/* The client --------------------------------------------------------------- */

static void c_read(struct stream *s, struct evbuffer *in, void *ctx)
{
	struct world *w = ctx;

	(void)s;
	evbuffer_add_buffer(w->answer, in);
	if (w->want && evbuffer_get_length(w->answer) >= w->want)
		loop_stop(w->l);
}

static void c_end(struct stream *s, enum stream_end why, void *ctx)
{
	struct world *w = ctx;

	(void)s;
	w->gone = true;
	w->why = why;
	loop_stop(w->l);
}

static void c_drip(evutil_socket_t fd, short what, void *arg)
{
	const struct timeval now = {0, 0};
	struct world *w = arg;

	(void)fd, (void)what;
	evbuffer_remove_buffer(w->to_send, stream_out(w->s), w->drip);
	stream_flush_later(w->s);
	if (evbuffer_get_length(w->to_send) > 0)
		evtimer_add(w->dripper, &now);
}

static void send_bytes(struct world *w, const void *p, size_t n)
{
	evbuffer_add(w->to_send, p, n);
	if (w->drip) {
		c_drip(-1, 0, w);
		return;
	}
	evbuffer_add_buffer(stream_out(w->s), w->to_send);
	stream_flush_later(w->s);
}

static void send_text(struct world *w, const char *text)
{
	send_bytes(w, text, strlen(text));
}

static void send_content(struct world *w, size_t n)
{
	char *p = calloc(1, n);

	send_bytes(w, p, n);
	free(p);
}

static void connect_client(struct world *w)
{
	static const struct stream_cb cb = {NULL, c_read, NULL, c_end};
	int fd[2];
	SSL *ssl = SSL_new(client_ctx);

	assert_int_equal(tcp_pair(fd), 0);
	httpd_accept(w->h, fd[1]);
	w->s = stream_accept(w->l, fd[0], ssl, NULL, &cb, w);
	SSL_set_connect_state(ssl);
	w->gone = false;
}

static const struct httpd_limits patient = {.max_connections = 10,
	.handshake_timeout_s = 10,
	.head_timeout_s = 10,
	.body_idle_s = 10,
	.send_idle_s = 10,
	.idle_timeout_s = 10,
	.body_window_bytes = 131072,
	.reply_window_bytes = 262144};
static const struct httpd_limits hasty = {.max_connections = 1,
	.handshake_timeout_s = 1,
	.head_timeout_s = 1,
	.body_idle_s = 1,
	.send_idle_s = 1,
	.idle_timeout_s = 1,
	.body_window_bytes = 131072,
	.reply_window_bytes = 262144};

static void open_world(struct world *w, const struct httpd_limits *limits)
{
	*w = (struct world){.fds = open_fds()};
	w->l = loop_new();
	w->h = httpd_new(w->l, server_ctx, limits, &calls, w);
	w->answer = evbuffer_new();
	w->to_send = evbuffer_new();
	w->dripper = evtimer_new(loop_base(w->l), c_drip, w);
	connect_client(w);
}

static void close_world(struct world *w)
{
	stream_free(w->s);
	httpd_free(w->h);
	event_free(w->dripper);
	evbuffer_free(w->answer);
	evbuffer_free(w->to_send);
	loop_free(w->l);
	assert_int_equal(w->done_ok + w->done_failed, w->requests);
	assert_int_equal(open_fds(), w->fds);
}

/* The answer so far, NUL-terminated. */
static const char *answer(struct world *w)
{
	evbuffer_add(w->answer, "", 1);
	return (const char *)evbuffer_pullup(w->answer, -1);
}

static unsigned count(const char *text, const char *part)
{
	unsigned n = 0;

	for (; (text = strstr(text, part)); text += strlen(part))
		n++;
	return n;
}

static void until_gone(struct world *w)
{
	while (!w->gone)
		if (!loop_run_for(w->l, 10000))
			fail_msg("the connection was not closed");
}

#define GET(path, more) "GET " path " HTTP/1.1\r\nHost: x\r\n" more "\r\n"
#define POST(path, length, more) \
	"POST " path " HTTP/1.1\r\nHost: x\r\nContent-Length: " length "\r\n" more "\r\n"

/* Cases -------------------------------------------------------------------- */

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

static int setup(void **state)
{
	char err[256];

	(void)state;
	pki_make(&pki);
	server_ctx = pki_server_ctx(pki.server, pki.server_key, pki.ca, err, sizeof err);
	client_ctx = pki_client_ctx(&pki, pki.client, pki.client_key);
	return server_ctx ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	SSL_CTX_free(server_ctx);
	SSL_CTX_free(client_ctx);
	pki_remove(&pki);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(httpd_pipelined_any_cut_answers_in_order),
		cmocka_unit_test(httpd_large_content_with_pauses_arrives_whole),
		cmocka_unit_test(httpd_untaken_content_holds_the_peer),
		cmocka_unit_test(httpd_streamed_answer_is_whole_and_bounded),
		cmocka_unit_test(httpd_half_closed_client_gets_its_whole_answer),
		cmocka_unit_test(httpd_early_refusal_is_read_by_the_client_always),
		cmocka_unit_test(httpd_endless_content_after_refusal_is_cut),
		cmocka_unit_test(httpd_silent_client_after_close_lingers_a_second),
		cmocka_unit_test(httpd_expect_continue_is_answered_before_the_content),
		cmocka_unit_test(httpd_expect_continue_refused_without_it),
		cmocka_unit_test(httpd_problem_document_has_its_members),
		cmocka_unit_test(httpd_answers_have_ids),
		cmocka_unit_test(httpd_problem_cuts_no_field),
		cmocka_unit_test(httpd_malformed_requests_are_answered_and_closed),
		cmocka_unit_test(httpd_head_too_large_is_431),
		cmocka_unit_test(httpd_unknown_peer_gets_403),
		cmocka_unit_test(httpd_timeouts_end_each_phase),
		cmocka_unit_test(httpd_reader_that_stalls_is_cut),
		cmocka_unit_test(httpd_client_gone_in_mid_answer_ends_once),
		cmocka_unit_test(httpd_client_gone_in_mid_content_ends_failed),
		cmocka_unit_test(httpd_reply_abort_closes_and_fails),
		cmocka_unit_test(httpd_drain_closes_idle_now_and_busy_after),
		cmocka_unit_test(httpd_each_peer_removed_is_closed_at_once),
		cmocka_unit_test(httpd_accept_silent_ones_go_for_each_other_and_never_for_a_peer),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
