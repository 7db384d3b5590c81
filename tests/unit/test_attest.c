/*
 * Goal: what makes a store unfit, from the texts that Redis answers with; what is not said counts as unfit. And the board, on which the reaper leaves it.
 */
#include "check.h"
#include <sys/wait.h>
#include <unistd.h>
#include "store/attest.h"

static const char fit_info[] = "# Memory\r\nused_memory:1\r\nmaxmemory_policy:noeviction\r\n\r\n# Persistence\r\nrdb_bgsave_in_progress:0\r\n"
	"rdb_last_save_time:1795400000\r\naof_enabled:0\r\n\r\n# Replication\r\nrole:master\r\nconnected_slaves:0\r\n";

static const char *const fit_config[][2] = { { "save", "" }, { "appendonly", "no" }, { "maxmemory-policy", "noeviction" },
	{ "repl-diskless-sync", "yes" }, { "repl-diskless-load", "disabled" }, { "slowlog-log-slower-than", "10000" }, { "crash-log-enabled", "yes" } };
#define N_FIT (sizeof fit_config / sizeof *fit_config)

/* The facts of a fit store, but for one setting, and one text of INFO's in place of another. */
static struct attest_facts facts_with(const char *name, const char *value, const char *from, const char *to)
{
	struct attest_facts f = { 0 };
	char info[1024];
	const char *at = from != NULL ? strstr(fit_info, from) : NULL;

	if (from != NULL)
		assert_non_null(at);
	snprintf(info, sizeof info, "%.*s%s%s", at != NULL ? (int)(at - fit_info) : 0, fit_info, at != NULL ? to : "",
	    at != NULL ? at + strlen(from) : fit_info);
	attest_read_info(&f, info);
	for (size_t i = 0; i < N_FIT; i++)
		if (name == NULL || strcmp(name, fit_config[i][0]) != 0)
			attest_read_config(&f, fit_config[i][0], fit_config[i][1]);
	if (value != NULL)
		attest_read_config(&f, name, value);
	return f;
}

static enum attest judged(struct attest_facts f, bool vouched, bool embedded)
{
	const struct attest_opts o = { .vouched = vouched, .embedded = embedded };

	return attest_judge(&f, &o, 0);
}

static void attest_judge_fit_store_is_seen(void **state)
{
	(void)state;
	assert_int_equal(judged(facts_with(NULL, NULL, NULL, NULL), false, false), ATTEST_SEEN);
	assert_int_equal(judged(facts_with(NULL, NULL, NULL, NULL), true, false), ATTEST_SEEN);
}

static void attest_judge_each_fault_is_named(void **state)
{
	static const struct {
		const char *name, *value, *from, *to;
		enum attest found;
	} c[] = {
		{ "save", "3600 1", NULL, NULL, ATTEST_RDB },
		{ "save", NULL, NULL, NULL, ATTEST_RDB },
		{ "appendonly", "yes", NULL, NULL, ATTEST_AOF },
		{ "appendonly", NULL, NULL, NULL, ATTEST_AOF },
		{ "maxmemory-policy", "volatile-lru", NULL, NULL, ATTEST_EVICTS },
		{ "maxmemory-policy", NULL, NULL, NULL, ATTEST_EVICTS },
		{ "repl-diskless-sync", "no", NULL, NULL, ATTEST_SYNC_SEND },
		{ NULL, NULL, "aof_enabled:0", "aof_enabled:1", ATTEST_AOF },
		{ NULL, NULL, "aof_enabled:0\r\n", "", ATTEST_AOF },
		{ NULL, NULL, "policy:noeviction", "policy:allkeys-lfu", ATTEST_EVICTS },
		{ NULL, NULL, "in_progress:0", "in_progress:1", ATTEST_SNAPSHOT },
		{ NULL, NULL, "role:master", "role:slave", ATTEST_SYNC_LOAD },
		{ "repl-diskless-load", "swapdb", "role:master", "role:slave", ATTEST_SEEN },
	};

	(void)state;
	for (size_t i = 0; i < sizeof c / sizeof *c; i++)
		if (judged(facts_with(c[i].name, c[i].value, c[i].from, c[i].to), true, false) != c[i].found)
			fail_msg("case %zu", i);
}

static void attest_judge_replica_being_fed_is_no_snapshot(void **state)
{
	struct attest_facts f = facts_with(NULL, NULL, "connected_slaves:0\r\n", "slave0:ip=::1,port=1,state=send_bulk,offset=0,lag=0\r\n");

	(void)state;
	f.bgsave = true;
	assert_int_equal(judged(f, false, false), ATTEST_SEEN);
}

static void attest_judge_barred_config_needs_a_voucher(void **state)
{
	struct attest_facts f = facts_with(NULL, NULL, NULL, NULL);

	(void)state;
	f.config_barred = true;
	assert_int_equal(judged(f, false, false), ATTEST_BARRED);
	assert_int_equal(judged(f, true, false), ATTEST_VOUCHED);
	f.aof = true;
	assert_int_equal(judged(f, true, false), ATTEST_AOF);
	f.info_barred = true;
	assert_int_equal(judged(f, true, false), ATTEST_BLIND);
}

static void attest_judge_embedded_store_keeps_no_logs(void **state)
{
	struct attest_facts f = facts_with("slowlog-log-slower-than", "-1", NULL, NULL);

	(void)state;
	assert_int_equal(judged(f, false, true), ATTEST_LEAKS);
	f.leaks = false;
	assert_int_equal(judged(f, false, true), ATTEST_SEEN);
}

static void attest_judge_new_snapshot_is_noticed(void **state)
{
	const struct attest_opts o = { 0 };
	struct attest_facts f = facts_with(NULL, NULL, NULL, NULL);

	(void)state;
	assert_int_equal(attest_judge(&f, &o, 1795400000), ATTEST_SEEN);
	assert_int_equal(attest_judge(&f, &o, 1795399999), ATTEST_SNAPSHOT);
}

static void board_attest_is_seen_by_another_process_and_grows_stale(void **state)
{
	struct board *b = board_new();
	int status = -1;
	pid_t pid;

	(void)state;
	assert_non_null(b);
	assert_int_equal(board_attest(), ATTEST_UNWATCHED);
	board_attach(b);
	assert_int_equal(board_attest(), ATTEST_NOT_YET);
	assert_false(board_attest_ok(board_attest()));
	pid = fork();
	if (pid == 0) {
		board_set_attest(ATTEST_VOUCHED);
		board_set_clock(-5);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(board_attest(), ATTEST_VOUCHED);
	assert_true(board_attest_ok(ATTEST_VOUCHED));
	sleep(3);
	usleep(100000);
	assert_int_equal(board_attest(), ATTEST_STALE);
	assert_false(board_attest_ok(ATTEST_STALE));
	board_free(b);
	assert_int_equal(board_attest(), ATTEST_UNWATCHED);
}

static void board_clock_remembers_any_number(void **state)
{
	static const int64_t v[] = { 0, 1, -1, INT64_C(1795400000000) };
	struct board *b = board_new();
	int64_t got;

	(void)state;
	board_attach(b);
	assert_false(board_clock(&got));
	for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
		board_set_clock(v[i]);
		assert_true(board_clock(&got));
		assert_true(got == v[i]);
	}
	board_free(b);
}

static void board_attest_text_and_slug_are_there_for_all(void **state)
{
	(void)state;
	for (enum attest a = ATTEST_SEEN; a <= ATTEST_BLIND; a++) {
		assert_string_not_equal(board_attest_text(a), "unknown");
		assert_string_not_equal(board_attest_slug(a), "unknown");
	}
	assert_string_equal(board_attest_text((enum attest)99), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(attest_judge_fit_store_is_seen),
		cmocka_unit_test(attest_judge_each_fault_is_named),
		cmocka_unit_test(attest_judge_replica_being_fed_is_no_snapshot),
		cmocka_unit_test(attest_judge_barred_config_needs_a_voucher),
		cmocka_unit_test(attest_judge_embedded_store_keeps_no_logs),
		cmocka_unit_test(attest_judge_new_snapshot_is_noticed),
		cmocka_unit_test(board_attest_is_seen_by_another_process_and_grows_stale),
		cmocka_unit_test(board_clock_remembers_any_number),
		cmocka_unit_test(board_attest_text_and_slug_are_there_for_all),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
