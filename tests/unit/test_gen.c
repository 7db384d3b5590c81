/*
 * test_gen.c: the load generator believes no server: a wrong byte, length or status makes a run
 * void. And at a fixed rate a server that stalls is charged for every request that was due
 * meanwhile, not only for those that it had been sent. Against a small server of our own, plain
 * HTTP.
 */
#include "check.h"
#include <arpa/inet.h>
#include <math.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <timeglas/timeglas.h>
#include "../../bench/gen.h"

#define BLOB_BYTES 20000u
#define STALL_US 400000u

enum manner { FAITHFUL, WRONG_START, WRONG_END, SHORT, REFUSES, FORGETS, HANGS_UP, STALLS };

struct fake {
	pid_t pid;
	struct gen_wire wire;
};

/* The server --------------------------------------------------------------- */

static struct {
	char key[GEN_KEY_LEN];
	struct evbuffer *content;
} stored[64];

static enum manner manner;
static unsigned requests;

static void put(struct evhttp_request *r, const char *key)
{
	struct evbuffer *said = evbuffer_new();
	unsigned i = 0;

	while (stored[i].content != NULL)
		i++;
	memcpy(stored[i].key, key, GEN_KEY_LEN);
	stored[i].content = evbuffer_new();
	evbuffer_add_buffer(stored[i].content, evhttp_request_get_input_buffer(r));
	evbuffer_add_printf(said, "%s", manner == REFUSES && requests > 8 ? "no room" : "stored");
	evhttp_send_reply(r, manner == REFUSES && requests > 8 ? 507 : 201, "Answer", said);
	evbuffer_free(said);
}

static void spoil(struct evbuffer *content)
{
	size_t n = evbuffer_get_length(content);
	unsigned char *p = evbuffer_pullup(content, -1);

	if (manner == WRONG_START)
		p[40] ^= 1; /* in the share of the recipient */
	else if (manner == WRONG_END)
		p[n - 1] ^= 1;
	else if (manner == SHORT)
		evbuffer_drain(content, 1);
}

static void take(struct evhttp_request *r, const char *key)
{
	for (unsigned i = 0; i < 64 && manner != FORGETS; i++) {
		if (stored[i].content == NULL || memcmp(stored[i].key, key, GEN_KEY_LEN) != 0)
			continue;
		spoil(stored[i].content);
		evhttp_send_reply(r, 200, "OK", stored[i].content);
		evbuffer_free(stored[i].content);
		stored[i].content = NULL;
		return;
	}
	evhttp_send_reply(r, 410, "Gone", NULL);
}

static void on_request(struct evhttp_request *r, void *ctx)
{
	const char *key = evhttp_request_get_uri(r) + 3;

	(void)ctx;
	requests++;
	if (manner == HANGS_UP && requests > 8)
		_exit(0);
	if (manner == STALLS && requests == 100)
		usleep(STALL_US);
	if (evhttp_request_get_command(r) == EVHTTP_REQ_PUT)
		put(r, key);
	else
		take(r, key);
}

static void serve(int fd)
{
	struct event_base *base = event_base_new();
	struct evhttp *http = evhttp_new(base);

	evhttp_set_allowed_methods(http, EVHTTP_REQ_PUT | EVHTTP_REQ_POST);
	evhttp_set_gencb(http, on_request, NULL);
	evutil_make_socket_nonblocking(fd);
	evhttp_accept_socket(http, fd);
	event_base_dispatch(base);
	_exit(1);
}

static struct fake fake_start(enum manner how)
{
	struct fake f = {.wire = {.host = "127.0.0.1", .put_status = 201, .says = "stored"}};
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof a;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
	/* Connections inherit it: without it, each answer waits 40 ms for an acknowledgement. */
	assert_int_equal(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int)), 0);
	assert_int_equal(listen(fd, 16), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &n), 0);
	f.wire.port = ntohs(a.sin_port);
	snprintf(f.wire.put, sizeof f.wire.put, "PUT /b/" GEN_KEY " HTTP/1.1\r\nHost: h\r\n");
	snprintf(f.wire.take, sizeof f.wire.take, "POST /b/" GEN_KEY " HTTP/1.1\r\nHost: h\r\n");
	f.pid = fork();
	if (f.pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		manner = how;
		serve(fd);
	}
	close(fd);
	return f;
}

static void run(enum manner how, double rate, double seconds, struct gen_result *r)
{
	const struct gen_plan plan = {
		.clients = 4, .live = 8, .rate = rate, .warm_s = 0.05, .measure_s = seconds};
	struct fake f = fake_start(how);
	struct blobs *b = blobs_new(12, BLOB_BYTES);

	gen_run(&f.wire, &plan, b, r);
	blobs_free(b);
	kill(f.pid, SIGKILL);
	waitpid(f.pid, NULL, 0);
}

/* The cases ---------------------------------------------------------------- */

static void gen_run_closed_loop_puts_and_takes_by_turns(void **state)
{
	struct gen_result r;

	(void)state;
	run(FAITHFUL, 0, 0.3, &r);
	assert_string_equal(r.error, "");
	assert_true(r.puts > 0 && r.takes > 0);
	assert_true(fabs((double)r.puts - (double)r.takes) <= 4);
	assert_int_equal(histogram_count(r.put), r.puts);
	assert_int_equal(histogram_count(r.take), r.takes);
	assert_true(r.seconds >= 0.29);
	gen_result_free(&r);
}

/* At a rate: none fails, and all that was due was done, give or take `off` at the edges. */
static void run_due(enum manner how, double rate, double seconds, double off, struct gen_result *r)
{
	run(how, rate, seconds, r);
	assert_string_equal(r->error, "");
	assert_true(fabs((double)(r->puts + r->takes) - rate * r->seconds) <= off);
}

static void expect_void(enum manner how, const char *why)
{
	struct gen_result r;
	char error[sizeof r.error];

	run(how, 0, 5, &r);
	snprintf(error, sizeof error, "%s", r.error);
	gen_result_free(&r);
	if (strstr(error, why) == NULL)
		fail_msg("\"%s\" was to be found in \"%s\"", why, error);
}

static void gen_run_wrong_bytes_make_it_void(void **state)
{
	(void)state;
	expect_void(WRONG_START, "not what was stored");
	expect_void(WRONG_END, "not what was stored");
	expect_void(SHORT, "19999 bytes came back of 20000");
}

static void gen_run_refusal_makes_it_void(void **state)
{
	(void)state;
	expect_void(REFUSES, "a put was answered with 507: no room");
	expect_void(FORGETS, "a take was answered with 410");
}

static void gen_run_broken_connection_makes_it_void(void **state)
{
	(void)state;
	expect_void(HANGS_UP, "the connection ended");
}

/* 400 ms of a second: a closed loop of 4 clients would see 4 late answers; here a third of all
 * requests was due meanwhile. */
static void gen_run_rate_charges_a_stall_to_all_that_was_due(void **state)
{
	struct gen_result r;

	(void)state;
	run_due(STALLS, 200, 1, 2, &r);
	histogram_merge(r.put, r.take);
	assert_true(histogram_quantile(r.put, 1) > 0.95e3 * STALL_US);
	assert_true(histogram_quantile(r.put, 0.8) > 0.3e3 * STALL_US);
	assert_true(r.backlog_max > 40);
	gen_result_free(&r);
}

/* Seldom: the clock starts each of them, and no answer does. Without it they would all start at the
 * end, half a second late. */
static void gen_run_rate_starts_each_when_it_is_due(void **state)
{
	struct gen_result r;

	(void)state;
	run_due(FAITHFUL, 50, 1, 2, &r);
	assert_true(histogram_quantile(r.put, 0.5) < 250e6);
	gen_result_free(&r);
}

/* More than one in each 200 us, so several are due at once. */
static void gen_run_rate_starts_all_that_is_due(void **state)
{
	struct gen_result r;

	(void)state;
	run_due(FAITHFUL, 8000, 0.5, 4, &r);
	gen_result_free(&r);
}

static void blobs_new_any_size_gives_files_of_it_that_differ(void **state)
{
	static const size_t size[] = {
		300, 4096, 65536 + 100, 65536 + 200, 65536 + 217, 1048576, 262144};

	(void)state;
	for (size_t i = 0; i < LEN(size); i++) {
		struct blobs *b = blobs_new(2, size[i]);

		assert_int_equal(blobs_size(b), size[i]);
		assert_memory_equal(blobs_at(b, 0), "age-encryption.org/v1\n-> X25519 ", 32);
		assert_memory_not_equal(blobs_at(b, 0), blobs_at(b, 1), 64);
		assert_memory_not_equal(
			blobs_at(b, 0) + size[i] - 16, blobs_at(b, 1) + size[i] - 16, 16);
		blobs_free(b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blobs_new_any_size_gives_files_of_it_that_differ),
		cmocka_unit_test(gen_run_closed_loop_puts_and_takes_by_turns),
		cmocka_unit_test(gen_run_wrong_bytes_make_it_void),
		cmocka_unit_test(gen_run_refusal_makes_it_void),
		cmocka_unit_test(gen_run_broken_connection_makes_it_void),
		cmocka_unit_test(gen_run_rate_starts_each_when_it_is_due),
		cmocka_unit_test(gen_run_rate_starts_all_that_is_due),
		cmocka_unit_test(gen_run_rate_charges_a_stall_to_all_that_was_due),
	};
	signal(SIGPIPE, SIG_IGN);
	return tg_init() != 0 || cmocka_run_group_tests(tests, NULL, NULL);
}
