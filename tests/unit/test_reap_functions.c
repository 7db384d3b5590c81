/*
 * Goal: what the reaper ends, in which order and in which slices, and that the end of a blob which
 * Redis itself expired is told of once.
 */
#include "functions_fixture.h"

static void reap_ends_sessions_blobs_and_orphans_in_order(void **state)
{
	(void)state;
	session("S", 200, 3600000);
	blob("B", "S", 1, 2, 100000);
	blob("C", "S", 0, 1, 100000);
	blob("D", "", 0, 1, 100);
	for (int i = 0; i < 70; i++) /* the hash is missing: its number of chunks is unknown */
		chunk("E", i, "bytes");
	redis_server_run_cmd(&redis, "ZADD " DL " 1 b:E");
	sleep_until(score("s:S"));
	assert_int_equal(reap(1), 1);
	assert_string_equal(field(7, 0), "aborted");
	assert_int_equal(last->element[3]->integer, 2); /* left that are due */
	assert_int_equal(redis_server_chunks(&redis, "E"), 0);
	assert_int_equal(reap(10), 2);
	assert_int_equal(last->elements, 9);
	assert_string_equal(field(7, 0), "expired");
	assert_true(atoll(field(7, 1)) >= 0 && atoll(field(7, 1)) < 10000000);
	assert_string_equal(field(8, 0), "session-idle");
	assert_int_equal(last->element[3]->integer, 0);
	assert_int_equal(last->element[4]->integer, score("b:C"));
	assert_int_equal(redis_server_chunks(&redis, "*"), 1);
	assert_int_equal(fcall("stat", "B"), 0);
	assert_string_equal(field(1, 12), "session-idle");
	assert_int_equal(reap(10), 0);
}

/* Whoever ends something large, the reaper goes on with it, before everything else. */
static void end_of_a_large_blob_is_erased_in_slices(void **state)
{
	(void)state;
	assert_int_equal(fcall("stage", "B up %s 0 1 150 60000 d", ""), 0);
	large_chunks("B", 150);
	assert_int_equal(commit("B", "", 0, 150, 150 * LARGE_CHUNK, 100000, 0), 0);
	blob("C", "", 0, 1, 100);
	assert_int_equal(fcall("erase", "B up"), 0);
	assert_string_equal(field(1, 1), "gone");
	assert_int_equal(fcall("stat", "B"), 0);
	assert_string_equal(field(1, 1), "gone");
	while (chunks_left() > 1) {
		long long before = chunks_left();
		reap(1);
		assert_true((before - chunks_left()) * LARGE_CHUNK <= SLICE + LARGE_CHUNK);
		assert_true(before > chunks_left());
	}
	sleep_until(score("b:C"));
	reap(10);
	assert_int_equal(chunks_left(), 0);
	assert_int_equal(redis_server_keys(&redis, DL), 0);
}

/* Redis's own expiry takes record and chunk together: the end is told of all the same, once, by
 * whoever comes first, and with all that it has to say. */
static void blob_that_expired_unseen_is_told_of_once(void **state)
{
	static const char *const who[] = {"reap", "stat", "take", "erase", "named", "put"};

	(void)state;
	for (size_t i = 0; i < sizeof who / sizeof *who; i++) {
		redis_server_run_cmd(&redis, "FLUSHALL");
		session("S", 60000, 3600000);
		blob("B", "S", 1, 1, 100000);
		make_due("b:B");
		expire_unseen("B");
		if (i == 1)
			assert_int_equal(fcall("stat", "B"), 0);
		else if (i == 2)
			assert_int_equal(fcall("take", "B v T"), TG_EGONE);
		else if (i == 3)
			assert_int_equal(fcall("erase", "B up"), TG_EGONE);
		else if (i == 4)
			assert_int_equal(fcall("named", "B up %s", "f"), TG_ETAKEN);
		if (i > 0 && i < 5)
			assert_int_equal(count_events("e\tgone\t"), 1);
		assert_int_equal(reap(64), i == 0 || i == 5);
		if (i == 0)
			assert_string_equal(field(7, 0), "expired");
		assert_int_equal(count_events("e\tgone\t"), 1);
		assert_string_equal(newest("d"), "tag passport 1");
		assert_string_equal(newest("c"), "expired");
		assert_string_equal(newest("u"), "up");
		assert_string_equal(newest("z"), "5");
		assert_string_equal(newest("dl"), "1");
		assert_int_equal(number_at("HGET %s n", "tg:{05}:s:S"), 0);
		assert_int_equal(fcall("stat", "B"), 0);
		assert_string_equal(field(1, 12), "expired");
		assert_int_equal(fcall("take", "B stranger T"), TG_ENOENT);
		assert_int_equal(fcall("session_show", "S"), 0);
		assert_int_equal(redis_server_int(&redis, "ZCARD " DL), 1);
	}
}

/* Another blob has taken the place meanwhile: it stays, and the first one's end is told of. (That
 * end changes no record, which the check of steps does not know.) */
static void blob_that_expired_unseen_does_not_end_its_successor(void **state)
{
	(void)state;
	load_unchecked_library();
	redis_server_compared(&redis);
	blob("B", "", 0, 1, 100000);
	make_due("b:B");
	expire_unseen("B");
	redis_server_only_chunk(&redis, "05", "B", "longer bytes", 12);
	assert_int_equal(commit("B", "", 0, 1, 12, 100000, 0), 0);
	assert_int_equal(reap(64), 1);
	assert_int_equal(count_events("e\tgone\t"), 1);
	assert_string_equal(newest("z"), "5");
	assert_int_equal(fcall("stat", "B"), 0);
	assert_string_equal(field(1, 1), "live");
	assert_int_equal(fcall("take", "B v T"), 0);
	assert_string_equal(newest("z"), "12");
	assert_int_equal(count_events("e\tgone\t"), 2);
	assert_int_equal(redis_server_int(&redis, "ZCARD " DL), 0);
}

/* What could not be told of in time is told of later, with all of its lateness. */
static void end_that_was_refused_counts_from_its_deadline(void **state)
{
	long long deadline;

	(void)state;
	blob("B", "", 0, 2, 300);
	deadline = score("b:B");
	redis_server_run_cmd(&redis, "RENAME tg:{05}:out kept");
	redis_server_run_cmd(&redis, "SET tg:{05}:out x");
	sleep_until(deadline);
	reap(64);
	assert_true(strstr(last->element[6]->str, "WRONGTYPE") != NULL);
	redis_server_run_cmd(&redis, "RENAME kept tg:{05}:out");
	sleep_until(score("b:B"));
	assert_int_equal(reap(64), 1);
	assert_string_equal(field(7, 0), "expired");
	assert_true(atoll(field(7, 1)) >= 1000000);
	assert_int_equal(atoll(newest("dl")), deadline);
	assert_true(atoll(newest("late")) >= 1000000);
}

/* The same where Redis's own expiry has taken the record, so that the index entry alone knows the
 * deadline, however often it is moved; and the session's list and account are right. */
static void end_of_an_expired_blob_that_was_refused_counts_from_its_deadline(void **state)
{
	(void)state;
	for (int in_session = 0; in_session < 2; in_session++) {
		const long long deadline = now_ms() - 5000;
		const char *const sid = in_session ? "S" : "";

		redis_server_run_cmd(&redis, "FLUSHALL");
		session("S", 60000, 3600000);
		blob("B", sid, in_session, 1, 100000);
		redis_server_run_cmd(&redis, "DEL tg:{05}:b:B");
		redis_server_run_cmd(&redis, "ZADD " DL " %lld %s", deadline, entry("b:B"));
		redis_server_run_cmd(&redis, "RENAME tg:{05}:out kept");
		redis_server_run_cmd(&redis, "SET tg:{05}:out x");
		for (int tries = 0; tries < 2; tries++) {
			reap(64);
			assert_non_null(strstr(last->element[6]->str, "WRONGTYPE"));
			assert_int_equal(redis_server_int(&redis, "ZCARD " DL), 2);
			assert_true(score("b:B") > now_ms());
			make_due("b:B");
		}
		redis_server_run_cmd(&redis, "RENAME kept tg:{05}:out");
		assert_int_equal(reap(64), 1);
		assert_string_equal(field(7, 0), "expired");
		assert_int_equal(atoll(newest("dl")), deadline);
		assert_in_range(atoll(newest("late")), 5000000, 60000000);
		assert_int_equal(fcall("stat", "B"), 0);
		assert_string_equal(field(1, 1), "gone");
		assert_int_equal(redis_server_int(&redis, "ZCARD " DL), 1);
		if (in_session)
			assert_int_equal(number_at("HGET tg:{05}:s:S %s", "n"), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(reap_ends_sessions_blobs_and_orphans_in_order),
		T(end_of_a_large_blob_is_erased_in_slices),
		T(blob_that_expired_unseen_is_told_of_once),
		T(blob_that_expired_unseen_does_not_end_its_successor),
		T(end_that_was_refused_counts_from_its_deadline),
		T(end_of_an_expired_blob_that_was_refused_counts_from_its_deadline),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
