/*
 * test_ready.c: what /readyz answers names everything that is missing.
 */
#include "check.h"
#include <unistd.h>
#include "admin/ready.h"
#include "base/child.h"
#include "base/log.h"
#include "base/scoreboard.h"
#include "store/attestation.h"

/* A unit test has no jemalloc, and nobody has asked a store. */
#define WIPED \
	"\"wiped\":{\"server\":\"unknown\",\"store\":\"unknown\",\"store_memory\":\"cannot be " \
	"told\"},"

static int store_wipe = CONF_WIPE_PREFERRED;

static const char *ready_says(const struct metrics *m, bool *ready)
{
	static char text[1024];
	struct conf conf = {.audit_max_lag_s = 5, .store_wipe = store_wipe};
	struct jsonw w = {0};
	size_t n;
	const char *t;

	*ready = ready_text(m, 2, &conf, &w);
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
		"\"store\":\"nobody is asked for attestation here\"," WIPED
		"\"evidence\":\"the recorder "
		"has not begun yet\"}");
	assert_false(ready);
	metrics_attach(m, CHILD_SLOT_REAPER(2));
	metrics_gauge_set(G_STORE_UP, 1);
	assert_string_equal(ready_says(m, &ready),
		"{\"ready\":true,\"reasons\":[],"
		"\"store\":\"nobody is asked for attestation here\"," WIPED
		"\"evidence\":\"the recorder "
		"has not begun yet\"}");
	assert_true(ready);
	metrics_attach(m, CHILD_SLOT_MASTER);
	metrics_gauge_set(G_DRAINING, 1);
	assert_non_null(strstr(ready_says(m, &ready), "shutting down"));
	assert_false(ready);
	metrics_free(m);
}

static void ready_text_tells_whether_the_store_wipes(void **state)
{
	static const struct {
		enum wipe_state found;
		const char *word, *reason;
	} c[] = {{WIPE_UNKNOWN, "unknown", "cannot be told"},
		{WIPE_NONE, "no", "does not overwrite"},
		{WIPE_FREED, "no", "when it is freed only"}, {WIPE_ALL, "yes", NULL}};
	struct metrics *m = metrics_new(CHILD_SLOTS(2));
	struct scoreboard *b = scoreboard_new();
	char member[64];
	const char *text;
	bool ready;

	(void)state;
	for (unsigned slot = CHILD_SLOT_WORKER(0); slot <= CHILD_SLOT_REAPER(2); slot++) {
		metrics_attach(m, slot);
		metrics_gauge_set(G_STORE_UP, 1);
	}
	scoreboard_attach(b);
	scoreboard_set_caught_up(UINT64_MAX);
	scoreboard_set_compared(true);
	for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
		attestation_set(ATTEST_SEEN);
		attestation_set_wipes(c[i].found);
		snprintf(member, sizeof member, "\"store\":\"%s\"", c[i].word);
		store_wipe = CONF_WIPE_PREFERRED;
		assert_non_null(strstr(ready_says(m, &ready), member));
		assert_true(ready);
		store_wipe = CONF_WIPE_REQUIRED;
		text = ready_says(m, &ready);
		assert_int_equal(ready, c[i].found == WIPE_ALL);
		if (c[i].reason != NULL)
			assert_non_null(strstr(text, c[i].reason));
	}
	store_wipe = CONF_WIPE_PREFERRED;
	scoreboard_free(b);
	metrics_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ready_text_names_what_is_missing),
		cmocka_unit_test(ready_text_tells_whether_the_store_wipes),
	};

	log_init(STDERR_FILENO, LOG_L_ERROR, "test");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
