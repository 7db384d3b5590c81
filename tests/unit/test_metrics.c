/* Goal: what processes count is summed, gauges of the dead do not linger, and the text is what
 * Prometheus reads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/metrics.h"

static char text[65536];

static void render(const struct metrics *m)
{
	size_t n = metrics_prometheus(m, text, sizeof text);

	assert_true(n < sizeof text);
	assert_int_equal(strlen(text), n);
}

static void assert_line(const char *line)
{
	const char *at = strstr(text, line);

	if (at == NULL || (at != text && at[-1] != '\n'))
		fail_msg("missing: %s\nin:\n%s", line, text);
}

static unsigned occurrences(const char *what)
{
	unsigned n = 0;
	const char *p;

	for (p = text; (p = strstr(p, what)) != NULL; p += strlen(what))
		n++;
	return n;
}

static void metrics_count_from_two_processes_is_summed(void **state)
{
	struct metrics *m = metrics_new(3);
	pid_t pid;
	int status;

	(void)state;
	metrics_attach(m, 0);
	metrics_count(M_STORED, 2);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		metrics_attach(m, 2);
		metrics_count(M_STORED, 40);
		metrics_gauge_set(G_UPLOADS, 7);
		metrics_gauge_add(G_UPLOADS, -2);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	render(m);
	assert_line("timeglas_blobs_stored_total 42\n");
	assert_int_equal(metrics_gauge(m, G_UPLOADS), 5);
	assert_int_equal(metrics_gauge_slot(m, 2, G_UPLOADS), 5);
	assert_int_equal(metrics_gauge_slot(m, 1, G_UPLOADS), 0);
	assert_int_equal(metrics_gauge_slot(m, 3, G_UPLOADS), 0);
	metrics_slot_clear(m, 2);
	assert_int_equal(metrics_gauge(m, G_UPLOADS), 0);
	render(m);
	assert_line("timeglas_blobs_stored_total 42\n");
	metrics_free(m);
}

static void metrics_observe_bounds_are_inclusive_and_cumulative(void **state)
{
	struct metrics *m = metrics_new(1);

	(void)state;
	metrics_attach(m, 0);
	metrics_observe_us(H_LATENESS_US, 0);
	metrics_observe_us(H_LATENESS_US, 16);
	metrics_observe_us(H_LATENESS_US, 17);
	metrics_observe_us(H_LATENESS_US, 1u << 30);
	metrics_observe_us(H_LATENESS_US, (1u << 30) + 1);
	render(m);
	assert_line("# TYPE timeglas_erase_lateness_seconds histogram\n");
	assert_line("timeglas_erase_lateness_seconds_bucket{le=\"0.000016\"} 2\n");
	assert_line("timeglas_erase_lateness_seconds_bucket{le=\"0.000032\"} 3\n");
	assert_line("timeglas_erase_lateness_seconds_bucket{le=\"536.870912\"} 3\n");
	assert_line("timeglas_erase_lateness_seconds_bucket{le=\"1073.741824\"} 4\n");
	assert_line("timeglas_erase_lateness_seconds_bucket{le=\"+Inf\"} 5\n");
	assert_line("timeglas_erase_lateness_seconds_count 5\n");
	assert_line("timeglas_erase_lateness_seconds_sum 2147.483682\n");
	metrics_free(m);
}

static void metrics_prometheus_family_with_labels_has_one_head(void **state)
{
	struct metrics *m = metrics_new(1);

	(void)state;
	metrics_attach(m, 0);
	metrics_count(M_REQUESTS_4XX, 3);
	render(m);
	assert_int_equal(occurrences("# TYPE timeglas_requests_total counter\n"), 1);
	assert_int_equal(occurrences("# HELP timeglas_requests_total "), 1);
	assert_int_equal(occurrences("# TYPE timeglas_blobs_ended_total counter\n"), 1);
	assert_line("timeglas_requests_total{status=\"4xx\"} 3\n");
	assert_line("# TYPE timeglas_connections gauge\n");
	metrics_free(m);
}

static void metrics_prometheus_small_buffer_tells_the_length(void **state)
{
	struct metrics *m = metrics_new(1);
	size_t need = metrics_prometheus(m, NULL, 0);
	char *b = malloc(64);

	(void)state;
	assert_true(need > 64);
	assert_int_equal(metrics_prometheus(m, b, 64), need);
	assert_int_equal(strlen(b), 63);
	free(b);
	metrics_free(m);
}

static void metrics_attach_null_counts_unseen(void **state)
{
	struct metrics *m = metrics_new(1);

	(void)state;
	metrics_attach(NULL, 0);
	metrics_count(M_STORED, 9);
	render(m);
	assert_line("timeglas_blobs_stored_total 0\n");
	metrics_free(m);
}

static void metrics_attach_again_keeps_counters_and_zeroes_gauges(void **state)
{
	struct metrics *m = metrics_new(2);

	(void)state;
	metrics_attach(m, 1);
	metrics_count(M_RESTARTS, 4);
	metrics_gauge_set(G_CONNECTIONS, 11);
	metrics_attach(m, 1);
	render(m);
	assert_line("timeglas_process_restarts_total 4\n");
	assert_line("timeglas_connections 0\n");
	metrics_free(m);
}

static void metrics_of_witnesses_stand_under_their_names(void **state)
{
	struct metrics *m = metrics_new(2);

	(void)state;
	metrics_witness_name(0, "x"); /* nobody is attached: it goes nowhere */
	metrics_attach(m, 1);
	render(m);
	assert_int_equal(occurrences("timeglas_witness_last_lines"), 0);
	metrics_witness_name(0, "dpo");
	metrics_witness_name(1, "a\"b\\c\nd");
	metrics_witness_cosigned(0, 17, 1700000000);
	metrics_witness_failed(1, WITNESS_F_TIME);
	metrics_witness_failed(1, WITNESS_F_TIME);
	metrics_witness_name(METRICS_WITNESSES_MAX, "too many");
	render(m);
	assert_line("timeglas_witness_last_lines{witness=\"dpo\"} 17\n");
	assert_line("timeglas_witness_last_time_seconds{witness=\"dpo\"} 1700000000\n");
	assert_line("timeglas_witness_last_lines{witness=\"a\\\"b\\\\c?d\"} 0\n");
	assert_line("timeglas_witness_failures_total{witness=\"a\\\"b\\\\c?d\",kind=\"time\"} 2\n");
	assert_line("timeglas_witness_failures_total{witness=\"dpo\",kind=\"time\"} 0\n");
	assert_int_equal(occurrences("# TYPE timeglas_witness_failures_total counter"), 1);
	metrics_witness_name(0, "dpo"); /* the same again: its numbers go on */
	metrics_witness_name(1, "");
	render(m);
	assert_line("timeglas_witness_last_lines{witness=\"dpo\"} 17\n");
	assert_int_equal(occurrences("d\",kind="), 0);
	metrics_witness_name(0, "other");
	render(m);
	assert_line("timeglas_witness_last_lines{witness=\"other\"} 0\n");
	metrics_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(metrics_count_from_two_processes_is_summed),
		cmocka_unit_test(metrics_observe_bounds_are_inclusive_and_cumulative),
		cmocka_unit_test(metrics_prometheus_family_with_labels_has_one_head),
		cmocka_unit_test(metrics_prometheus_small_buffer_tells_the_length),
		cmocka_unit_test(metrics_attach_null_counts_unseen),
		cmocka_unit_test(metrics_attach_again_keeps_counters_and_zeroes_gauges),
		cmocka_unit_test(metrics_of_witnesses_stand_under_their_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
