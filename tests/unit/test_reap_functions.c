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

/* The outbox takes no event: what is due cannot end. */
static void refuse_events(bool refused)
{
	if (!refused) {
		redis_server_run_cmd(&redis, "RENAME kept tg:{05}:out");
		return;
	}
	redis_server_run_cmd(&redis, "RENAME tg:{05}:out kept");
	redis_server_run_cmd(&redis, "SET tg:{05}:out x");
}

/* What could not be told of in time is told of later, with all of its lateness. */
static void end_that_was_refused_counts_from_its_deadline(void **state)
{
	long long deadline;

	(void)state;
	blob("B", "", 0, 2, 300);
	deadline = score("b:B");
	refuse_events(true);
	sleep_until(deadline);
	reap(64);
	assert_true(strstr(last->element[6]->str, "WRONGTYPE") != NULL);
	refuse_events(false);
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
		refuse_events(true);
		for (int tries = 0; tries < 2; tries++) {
			reap(64);
			assert_non_null(strstr(last->element[6]->str, "WRONGTYPE"));
			assert_int_equal(redis_server_int(&redis, "ZCARD " DL), 2);
			assert_true(score("b:B") > now_ms());
			make_due("b:B");
		}
		refuse_events(false);
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

/* The record was still there when its end was refused, and Redis's own expiry took it before the
 * next try. */
static void blob_that_expired_behind_a_refused_end_counts_from_its_deadline(void **state)
{
	long long deadline;

	(void)state;
	blob("B", "", 0, 1, 300);
	deadline = score("b:B");
	refuse_events(true);
	sleep_until(deadline);
	reap(64);
	assert_non_null(strstr(last->element[6]->str, "WRONGTYPE"));
	expire_unseen("B");
	refuse_events(false);
	sleep_until(score("b:B"));
	assert_int_equal(reap(64), 1);
	assert_string_equal(field(7, 0), "expired");
	assert_int_equal(atoll(newest("dl")), deadline);
	assert_in_range(atoll(newest("late")), 1000000, 60000000);
	assert_int_equal(fcall("stat", "B"), 0);
	assert_string_equal(field(1, 12), "expired");
	assert_int_equal(redis_server_int(&redis, "ZCARD " DL), 0);
}

/* The same where its end had been refused before, and where the other blob is of the same words. */
static void blob_that_expired_behind_a_refused_end_does_not_end_its_successor(void **state)
{
	long long deadline;

	(void)state;
	load_unchecked_library();
	redis_server_compared(&redis);
	blob("B", "", 0, 1, 300);
	deadline = score("b:B");
	refuse_events(true);
	sleep_until(deadline);
	reap(64);
	expire_unseen("B");
	refuse_events(false);
	blob("B", "", 0, 1, 100000);
	sleep_until(deadline + 1500); /* its next try */
	assert_int_equal(reap(64), 1);
	assert_int_equal(count_events("e\tgone\t"), 1);
	assert_int_equal(atoll(newest("dl")), deadline);
	assert_int_equal(fcall("stat", "B"), 0);
	assert_string_equal(field(1, 1), "live");
	assert_int_equal(redis_server_int(&redis, "ZCARD " DL), 1);
}

/* A take whose reader is silent ends a minute behind its last sign of life, long before the blob's
 * own deadline: it is late from there. */
static void end_of_a_silent_take_that_was_refused_counts_from_when_it_was_due(void **state)
{
	const long long due = now_ms() - 5000;

	(void)state;
	blob("B", "", 0, 2, 100000);
	assert_int_equal(fcall("take", "B v T"), 0);
	redis_server_run_cmd(&redis, "ZADD " DL " %lld b:B", due);
	refuse_events(true);
	for (int tries = 0; tries < 2; tries++) {
		reap(64);
		assert_true(score("b:B") > now_ms());
		make_due("b:B");
	}
	refuse_events(false);
	assert_int_equal(reap(64), 1);
	assert_string_equal(field(7, 0), "consumed");
	assert_in_range(atoll(newest("late")), 5000000, 60000000);
	assert_int_equal(redis_server_int(&redis, "ZCARD " DL), 0);
}

/* The reader, or the upload, was heard of between a refused end and the next try: it goes on. */
static void what_is_heard_of_behind_a_refused_end_goes_on(void **state)
{
	(void)state;
	blob("B", "", 0, 2, 100000);
	assert_int_equal(fcall("take", "B v T"), 0);
	assert_int_equal(fcall("stage", "U up %s 0 1 1 60000 d", ""), 0);
	make_due("b:B");
	make_due("b:U");
	refuse_events(true);
	reap(64);
	refuse_events(false);
	assert_int_equal(fcall("take_more", "B T"), 0);
	assert_int_equal(fcall("stage", "U up %s 0 0 2 60000 d", ""), 0);
	make_due("b:B");
	make_due("b:U");
	assert_int_equal(reap(64), 2);
	assert_int_equal(last->elements, 7);
	assert_int_equal(redis_server_int(&redis, "ZCARD " DL), 3); /* a late-write sweep of U */
	assert_int_equal(fcall("stage", "U up %s 0 0 3 60000 d", ""), 0);
	assert_int_equal(fcall("take_end", "B T"), 0);
	assert_string_equal(newest("late"), "");
}

/* Its end was refused, and then somebody else ended it: the reaper only cleans up. */
static void end_by_another_behind_a_refused_one_is_told_of_once(void **state)
{
	(void)state;
	session("S", 60000, 3600000);
	blob("B", "S", 1, 1, 100000);
	blob("C", "", 0, 1, 100000);
	blob("D", "", 0, 1, 100000);
	assert_int_equal(fcall("claim", "D v 60000 th %s %s 0", "", ""), 0);
	for (const char *const *name = (const char *const[]){"b:B", "b:C", "b:D", NULL}; *name;
		name++)
		make_due(*name);
	refuse_events(true);
	reap(64);
	refuse_events(false);
	assert_int_equal(fcall("erase", "B up"), 0);
	assert_int_equal(fcall("take", "C v T"), 0);
	assert_int_equal(fcall("ack", "D v th ok %s", ""), 0);
	for (const char *const *name = (const char *const[]){"b:B", "b:C", "b:D", NULL}; *name;
		name++)
		make_due(*name);
	reap(64);
	assert_int_equal(last->elements, 7);
	assert_int_equal(count_events("e\tgone\t"), 3);
	assert_int_equal(redis_server_int(&redis, "ZCARD " DL), 1);
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
		T(blob_that_expired_behind_a_refused_end_counts_from_its_deadline),
		T(blob_that_expired_behind_a_refused_end_does_not_end_its_successor),
		T(end_of_a_silent_take_that_was_refused_counts_from_when_it_was_due),
		T(what_is_heard_of_behind_a_refused_end_goes_on),
		T(end_by_another_behind_a_refused_one_is_told_of_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
