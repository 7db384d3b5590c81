/* Goal: whatever is logged, each line is one JSON object of at most 4096 bytes that a strict parser
 * reads. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include <jansson.h>

#include "base/log.h"
#include "base/metrics.h"

static int fds[2];

static int setup(void **state)
{
	(void)state;
	if (pipe(fds) != 0)
		return -1;
	log_init(fds[1], LOG_L_INFO, "worker-0");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	close(fds[0]);
	close(fds[1]);
	return 0;
}

static json_t *read_line(void)
{
	char b[8192];
	json_error_t e;
	json_t *j;
	ssize_t n = read(fds[0], b, sizeof b);

	assert_true(n > 0 && n <= 4096);
	assert_int_equal(b[n - 1], '\n');
	assert_null(memchr(b, '\n', (size_t)n - 1));
	j = json_loadb(b, (size_t)n, JSON_REJECT_DUPLICATES, &e);
	if (j == NULL)
		fail_msg("%s in %.*s", e.text, (int)n, b);
	return j;
}

static const char *member(const json_t *j, const char *key)
{
	return json_string_value(json_object_get(j, key));
}

static void log_event_with_detail_has_every_member(void **state)
{
	json_t *j;

	(void)state;
	log_warn("store-lost", "code %d", 7);
	j = read_line();
	assert_string_equal(member(j, "level"), "warn");
	assert_string_equal(member(j, "process"), "worker-0");
	assert_string_equal(member(j, "event"), "store-lost");
	assert_string_equal(member(j, "detail"), "code 7");
	assert_int_equal(strlen(member(j, "time")), 24);
	json_decref(j);
	log_info("up", NULL);
	j = read_line();
	assert_null(json_object_get(j, "detail"));
	json_decref(j);
}

static void log_event_hostile_text_stays_one_json_string(void **state)
{
	json_t *j;

	(void)state;
	log_error("x", "%s",
		"a\"b\\c\nd\te\x01\x7f\xc3\xa6\xff\xc0\xaf\xed\xa0\x80\xf0\x9f\x98\x80\xe2\x82");
	j = read_line();
	assert_string_equal(member(j, "detail"),
		"a\"b\\c\nd\te\x01\x7f\xc3\xa6" /* kept */
		/* each wrong byte replaced */
		"\xef\xbf\xbd"
		"\xef\xbf\xbd\xef\xbf\xbd"
		"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"
		"\xf0\x9f\x98\x80"
		"\xef\xbf\xbd\xef\xbf\xbd");
	json_decref(j);
}

static void log_event_every_length_fits_a_line(void **state)
{
	static const char *const unit[] = {"a", "\x01", "\"", "\xc3\xa6", "\xf0\x9f\x98\x80"};
	char *big = malloc(6000);
	const char *detail;
	size_t u, i, len, n;

	(void)state;
	for (u = 0; u < sizeof unit / sizeof *unit; u++) {
		for (n = 600; n<4200; n += n> 3900 ? 1 : 97) {
			json_t *j;

			len = strlen(unit[u]);
			for (i = 0; i + len <= n; i += len)
				memcpy(big + i, unit[u], len);
			big[i] = '\0';
			log_error("long", "%s", big);
			j = read_line();
			detail = member(j, "detail");
			assert_true(strcmp(detail, big) == 0 ||
				strcmp(detail + strlen(detail) - 3, "...") == 0);
			json_decref(j);
		}
	}
	free(big);
}

static void log_event_above_level_is_silent(void **state)
{
	json_t *j;

	(void)state;
	log_debug("quiet", "%s", "not seen");
	log_error("loud", NULL);
	j = read_line();
	assert_string_equal(member(j, "event"), "loud");
	json_decref(j);
}

static void log_request_members_are_typed(void **state)
{
	const struct log_request r = {.peer = "verifier",
		.call = "POST /v1/blobs/{id}/take",
		.request = "0123456789abcdef",
		.status = 410,
		.problem = "gone",
		.in_bytes = 0,
		.out_bytes = UINT64_C(5000000000),
		.duration_us = 1234};
	json_t *j;

	(void)state;
	assert_true(log_request(&r));
	log_flush();
	j = read_line();
	assert_string_equal(member(j, "event"), "request");
	assert_string_equal(member(j, "peer"), "verifier");
	assert_string_equal(member(j, "request"), "0123456789abcdef");
	assert_string_equal(member(j, "problem"), "gone");
	assert_int_equal(json_integer_value(json_object_get(j, "status")), 410);
	assert_true(json_integer_value(json_object_get(j, "out_bytes")) == 5000000000);
	assert_int_equal(json_integer_value(json_object_get(j, "duration_us")), 1234);
	json_decref(j);
}

/* Lines wait for company, but nobody overtakes them, and what one write carries are whole lines
 * within PIPE_BUF. */
static void log_request_waits_in_order(void **state)
{
	const struct log_request r = {.peer = "p",
		.call = "GET /v1/policy",
		.request = "0123456789abcdef",
		.status = 200};
	char b[8192];
	ssize_t n;
	int lines = 0;

	(void)state;
	assert_true(log_request(&r));
	log_info("after", NULL);
	n = read(fds[0], b, sizeof b - 1);
	assert_true(n > 0);
	b[n] = '\0';
	assert_non_null(strstr(b, "\"event\":\"request\""));
	if (strstr(b, "\"event\":\"after\"") == NULL) /* it is the next write */
		json_decref(read_line());
	else
		assert_true(strstr(b, "\"after\"") > strstr(b, "\"request\""));
	for (int i = 0; i < 100; i++)
		log_request(&r);
	log_flush();
	log_flush(); /* nothing is left */
	while (lines < 100) {
		n = read(fds[0], b, sizeof b);
		assert_true(n > 0);
		for (ssize_t i = 0; i < n; i++)
			lines += b[i] == '\n';
	}
	assert_int_equal(lines, 100);
	log_init(fds[1], LOG_L_WARN, "worker-0");
	assert_false(log_request(&r));
}

/* A pipe that is full takes lines whole or not at all; the first that is read again is whole, and
 * none is lost uncounted. */
static void log_event_full_pipe_drops_and_counts(void **state)
{
	struct metrics *m = metrics_new(1);
	char b[65536];
	unsigned written = 0, read_back = 0;
	ssize_t n;

	(void)state;
	metrics_attach(m, 0);
	assert_int_equal(fcntl(fds[1], F_SETFL, O_NONBLOCK), 0);
	assert_int_equal(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
	assert_true(fcntl(fds[1], F_SETPIPE_SZ, 4096) > 0);
	log_init(fds[1], LOG_L_INFO, "worker-0");
	for (; metrics_counter(m, M_LOG_DROPPED) < 7; written++)
		log_info("event", "%u", written);
	while ((n = read(fds[0], b, sizeof b)) > 0) {
		assert_int_equal(b[n - 1], '\n');
		for (ssize_t i = 0; i < n; i++)
			read_back += b[i] == '\n';
	}
	assert_int_equal(read_back + 7, written);
	log_info("event", "again");
	json_decref(read_line());
	assert_int_equal(metrics_counter(m, M_LOG_DROPPED), 7);
	metrics_attach(NULL, 0);
	metrics_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			log_event_with_detail_has_every_member, setup, teardown),
		cmocka_unit_test_setup_teardown(
			log_event_hostile_text_stays_one_json_string, setup, teardown),
		cmocka_unit_test_setup_teardown(
			log_event_every_length_fits_a_line, setup, teardown),
		cmocka_unit_test_setup_teardown(log_event_above_level_is_silent, setup, teardown),
		cmocka_unit_test_setup_teardown(log_request_members_are_typed, setup, teardown),
		cmocka_unit_test_setup_teardown(log_request_waits_in_order, setup, teardown),
		cmocka_unit_test_setup_teardown(
			log_event_full_pipe_drops_and_counts, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
