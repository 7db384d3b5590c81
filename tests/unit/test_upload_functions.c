/*
 * Goal: the functions of an upload alone: stage, commit and abort, what each leaves in Redis and in
 * the outbox, and what is left of an upload that was reaped or refused.
 */
#include "functions_fixture.h"

static void commit_live_sets_index_expiry_event_and_quota(void **state)
{
	long long dl;

	(void)state;
	session("S", 60000, 3600000);
	assert_string_equal(newest("e"), "session-open");
	blob("B", "S", 1, 2, 100000);
	dl = atoll(field(1, 9));
	assert_int_equal(score("b:B"), dl);
	assert_int_equal(number_at("PEXPIRETIME %s", "tg:{05}:c:B:1"), dl + NET_MS);
	assert_int_equal(number_at("PEXPIRETIME %s", "tg:{05}:b:B"), dl + NET_MS + 86400000);
	assert_int_equal(number_at("HGET %s n", "tg:{05}:s:S"), 1);
	assert_int_equal(number_at("HGET %s z", "tg:{05}:s:S"), 10);
	assert_string_equal(newest("e"), "stored");
	assert_string_equal(newest("d"), "tag passport 1");
	assert_string_equal(newest("z"), "10");
	assert_string_equal(newest("to"), " v w ");
	/* a session's name is a secret of its uploader */
	assert_string_not_equal(newest("s"), "S");
	assert_true(now_ms() + 100000 - dl < 2000);
}

static void commit_counts_from_the_first_byte(void **state)
{
	long long before = now_ms();

	(void)state;
	only_chunk("B", "bytes");
	assert_int_equal(commit("B", "", 0, 1, 5, 10000, 4000), 0);
	assert_true(atoll(field(1, 9)) - before < 6500);
	assert_true(atoll(field(1, 9)) - before >= 6000);
	only_chunk("C", "bytes");
	assert_int_equal(commit("C", "", 0, 1, 5, 10000, 10000), TG_ETTL);
	assert_int_equal(redis_server_chunks(&redis, "C"), 0);
}

static void commit_bound_ends_with_its_session_at_the_latest(void **state)
{
	(void)state;
	session("S", 60000, 5000);
	blob("B", "S", 1, 1, 100000);
	assert_int_equal(atoll(field(1, 9)), number_at("HGET %s dl", "tg:{05}:s:S"));
	blob("C", "S", 0, 1, 100000); /* not bound: its own time holds */
	assert_true(atoll(field(1, 9)) > now_ms() + 50000);
}

static void commit_with_a_chunk_missing_or_of_wrong_size_leaves_nothing(void **state)
{
	(void)state;
	assert_int_equal(fcall("stage", "B up %s 0 1 3 60000 d", ""), 0);
	chunk("B", 0, "bytes");
	chunk("B", 2, "bytes");
	assert_int_equal(commit("B", "", 0, 3, 15, 1000, 0), TG_ESTORE);
	assert_string_equal(newest("e"), "aborted");
	only_chunk("C", "bytes");
	assert_int_equal(commit("C", "", 0, 1, 6, 1000, 0), TG_ESTORE);
	assert_int_equal(redis_server_int(&redis, "DBSIZE"), 1); /* the outbox */
	/* C was never staged: no event */
	assert_int_equal(redis_server_int(&redis, "XLEN tg:{05}:out"), 1);
}

static void commit_of_many_chunks_that_was_reaped_is_refused(void **state)
{
	(void)state;
	assert_int_equal(fcall("stage", "B up %s 0 1 2 1 d", ""), 0);
	chunk("B", 0, "bytes");
	sleep_until(score("b:B"));
	assert_int_equal(reap(10), 1);
	assert_string_equal(field(7, 0), "aborted");
	assert_int_equal(redis_server_chunks(&redis, "*"), 0);
	chunk("B", 0, "bytes"); /* a stalled worker goes on */
	chunk("B", 1, "bytes");
	assert_int_equal(fcall("stage", "B up %s 0 0 2 60000 d", ""), TG_ETIMEOUT);
	assert_int_equal(commit("B", "", 0, 2, 10, 60000, 0), TG_ETIMEOUT);
	assert_int_equal(redis_server_chunks(&redis, "*"), 0);
	chunk("B", 2, "bytes"); /* and on: the leftover entry gets it */
	redis_server_run_cmd(&redis, "ZADD " DL " XX 1 x:B:#2");
	assert_int_equal(reap(10), 1);
	assert_int_equal(redis_server_int(&redis, "DBSIZE"), 1);
}

static void chunk_of_a_stalled_worker_far_into_an_upload_is_wiped(void **state)
{
	(void)state;
	assert_int_equal(fcall("stage", "B up %s 0 1 230 60000 d", ""), 0);
	for (int i = 0; i < 200; i++)
		chunk("B", i, "bytes");
	redis_server_run_cmd(&redis, "ZADD " DL " XX 1 b:B");
	assert_int_equal(reap(10), 1);
	assert_int_equal(redis_server_chunks(&redis, "*"), 0);
	chunk("B", 201, "bytes");
	chunk("B", 231, "bytes");
	redis_server_run_cmd(&redis, "ZADD " DL " XX 1 x:B:#230");
	assert_int_equal(reap(10), 1);
	assert_int_equal(redis_server_int(&redis, "DBSIZE"), 1);
}

static void stage_without_open_session_leaves_an_entry_that_sweeps_its_late_chunk(void **state)
{
	(void)state;
	assert_int_equal(fcall("stage", "B up S 1 1 32 60000 d"), TG_ESESSION);
	chunk("B", 0, "bytes");
	assert_true(score("x:B:#1") > now_ms());
	assert_int_equal(fcall("abort", "B 1 0 0"), 0);
	assert_int_equal(redis_server_int(&redis, "DBSIZE"), 0);
}

static void abort_of_a_live_blob_needs_an_unknown_fate(void **state)
{
	(void)state;
	blob("B", "", 0, 1, 100000);
	assert_int_equal(fcall("abort", "B 1 0 0"), 0);
	assert_int_equal(fcall("stat", "B"), 0);
	assert_string_equal(field(1, 1), "live");
	assert_int_equal(fcall("abort", "B 1 0 1"), 0);
	assert_int_equal(fcall("stat", "B"), 0);
	assert_string_equal(field(1, 12), "aborted");
	assert_int_equal(redis_server_chunks(&redis, "*"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(commit_live_sets_index_expiry_event_and_quota),
		T(commit_counts_from_the_first_byte),
		T(commit_bound_ends_with_its_session_at_the_latest),
		T(commit_with_a_chunk_missing_or_of_wrong_size_leaves_nothing),
		T(commit_of_many_chunks_that_was_reaped_is_refused),
		T(chunk_of_a_stalled_worker_far_into_an_upload_is_wiped),
		T(stage_without_open_session_leaves_an_entry_that_sweeps_its_late_chunk),
		T(abort_of_a_live_blob_needs_an_unknown_fate),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
