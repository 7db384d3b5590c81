/*
 * Goal: what makes a store unfit, from the texts that Redis answers with; what is not said counts
 * as unfit.
 */
#include "check.h"
#include "store/attest.h"

static const char fit_info[] = "# Memory\r\nused_memory:1\r\nmaxmemory_policy:noeviction\r\n\r\n# "
			       "Persistence\r\nrdb_bgsave_in_progress:0\r\n"
			       "rdb_last_save_time:1795400000\r\naof_enabled:0\r\n\r\n# "
			       "Replication\r\nrole:master\r\nconnected_slaves:0\r\n";

static const char *const fit_config[][2] = {{"save", ""}, {"appendonly", "no"},
	{"maxmemory-policy", "noeviction"}, {"repl-diskless-sync", "yes"},
	{"repl-diskless-load", "disabled"}, {"slowlog-log-slower-than", "10000"},
	{"crash-log-enabled", "yes"}};
#define N_FIT (sizeof fit_config / sizeof *fit_config)

/* The facts of a fit store, but for one setting, and one text of INFO's in place of another. */
static struct attest_facts facts_with(
	const char *name, const char *value, const char *from, const char *to)
{
	struct attest_facts f = {0};
	char info[1024];
	const char *at = from != NULL ? strstr(fit_info, from) : NULL;

	if (from != NULL)
		assert_non_null(at);
	snprintf(info, sizeof info, "%.*s%s%s", at != NULL ? (int)(at - fit_info) : 0, fit_info,
		at != NULL ? to : "", at != NULL ? at + strlen(from) : fit_info);
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
	const struct attest_opts o = {.vouched = vouched, .embedded = embedded};

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
		{"save", "3600 1", NULL, NULL, ATTEST_RDB},
		{"save", NULL, NULL, NULL, ATTEST_RDB},
		{"appendonly", "yes", NULL, NULL, ATTEST_AOF},
		{"appendonly", NULL, NULL, NULL, ATTEST_AOF},
		{"maxmemory-policy", "volatile-lru", NULL, NULL, ATTEST_EVICTS},
		{"maxmemory-policy", NULL, NULL, NULL, ATTEST_EVICTS},
		{"repl-diskless-sync", "no", NULL, NULL, ATTEST_SYNC_SEND},
		{NULL, NULL, "aof_enabled:0", "aof_enabled:1", ATTEST_AOF},
		{NULL, NULL, "aof_enabled:0\r\n", "", ATTEST_AOF},
		{NULL, NULL, "policy:noeviction", "policy:allkeys-lfu", ATTEST_EVICTS},
		{NULL, NULL, "in_progress:0", "in_progress:1", ATTEST_SNAPSHOT},
		{NULL, NULL, "role:master", "role:slave", ATTEST_SYNC_LOAD},
		{"repl-diskless-load", "swapdb", "role:master", "role:slave", ATTEST_SEEN},
	};

	(void)state;
	for (size_t i = 0; i < sizeof c / sizeof *c; i++)
		if (judged(facts_with(c[i].name, c[i].value, c[i].from, c[i].to), true, false) !=
			c[i].found)
			fail_msg("case %zu", i);
}

static void attest_judge_replica_being_fed_is_no_snapshot(void **state)
{
	struct attest_facts f = facts_with(NULL, NULL, "connected_slaves:0\r\n",
		"slave0:ip=::1,port=1,state=send_bulk,offset=0,lag=0\r\n");

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
	const struct attest_opts o = {0};
	struct attest_facts f = facts_with(NULL, NULL, NULL, NULL);

	(void)state;
	assert_int_equal(attest_judge(&f, &o, 1795400000), ATTEST_SEEN);
	assert_int_equal(attest_judge(&f, &o, 1795399999), ATTEST_SNAPSHOT);
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
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
