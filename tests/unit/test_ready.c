/*
 * test_ready.c: what /readyz answers names everything that is missing.
 */
#include "check.h"
#include <unistd.h>
#include "admin/ready.h"
#include "base/child.h"
#include "base/log.h"

static const char *ready_says(const struct metrics *m, bool *ready)
{
	static char text[512];
	struct jsonw w = {0};
	size_t n;
	const char *t;

	*ready = ready_text(m, 2, "an auditor", 5, &w);
	t = jsonw_text(&w, &n);
	assert_non_null(t);
	snprintf(text, sizeof text, "%.*s", (int)n, t);
	jsonw_free(&w);
	return text;
}

static void ready_text_names_what_is_missing(void **state)
{
	struct metrics *m = metrics_new(CHILD_SLOTS(2));
	bool ready;

	(void)state;
	assert_non_null(strstr(ready_says(m, &ready), "2 of 2 workers"));
	assert_false(ready);
	metrics_attach(m, CHILD_SLOT_WORKER(0));
	metrics_gauge_set(G_STORE_UP, 1);
	assert_non_null(strstr(ready_says(m, &ready), "1 of 2 workers"));
	metrics_attach(m, CHILD_SLOT_WORKER(1));
	metrics_gauge_set(G_STORE_UP, 1);
	assert_string_equal(ready_says(m, &ready),
		"{\"ready\":false,\"reasons\":[\"the reaper is not running or cannot use the "
		"store\"],"
		"\"store\":\"nobody is asked for attestation here\",\"evidence\":\"the recorder "
		"has not begun yet\"}");
	assert_false(ready);
	metrics_attach(m, CHILD_SLOT_REAPER(2));
	metrics_gauge_set(G_STORE_UP, 1);
	assert_string_equal(ready_says(m, &ready),
		"{\"ready\":true,\"reasons\":[],"
		"\"store\":\"nobody is asked for attestation here\",\"evidence\":\"the recorder "
		"has not begun yet\"}");
	assert_true(ready);
	metrics_attach(m, CHILD_SLOT_MASTER);
	metrics_gauge_set(G_DRAINING, 1);
	assert_non_null(strstr(ready_says(m, &ready), "shutting down"));
	assert_false(ready);
	metrics_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ready_text_names_what_is_missing),
	};

	log_init(STDERR_FILENO, LOG_L_ERROR, "test");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
