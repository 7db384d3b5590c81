/*
 * Goal: the functions of sessions alone: how a session ends, by whom and when, and what that does
 * to its blobs and to its uploads under way, also in slices and when it is broken off.
 */
#include "functions_fixture.h"

static void session_close_erases_bound_staged_and_live(void **state)
{
	(void)state;
	session("S", 60000, 3600000);
	blob("B", "S", 1, 2, 100000);
	blob("C", "S", 0, 1, 100000);
	assert_int_equal(fcall("stage", "D up S 1 1 2 60000 d"), 0);
	chunk("D", 0, "bytes");
	assert_int_equal(fcall("session_close", "S other 0 10"), TG_ENOENT);
	assert_int_equal(fcall("session_close", "S up 0 10"), 0);
	assert_int_equal(last->elements, 4);
	assert_string_equal(field(1, 1), "closed");
	assert_string_equal(field(3, 0), "B");
	assert_string_equal(field(3, 12), "session-closed");
	assert_int_equal(redis_server_chunks(&redis, "*"), 1);
	assert_int_equal(redis_server_chunks(&redis, "C"), 1);
	assert_string_equal(newest("e"), "aborted"); /* D: session-end came first */
	chunk("D", 1, "bytes");
	assert_int_equal(commit("D", "S", 1, 2, 10, 60000, 0), TG_ESESSION);
	assert_int_equal(redis_server_chunks(&redis, "D"), 0);
	assert_int_equal(fcall("session_close", "S up 0 10"), 0); /* again: nothing more */
	assert_int_equal(last->elements, 3);
	assert_int_equal(fcall("session_touch", "S up"), TG_EGONE);
	assert_int_equal(fcall("session_check", "S up"), TG_ESESSION);
}

/* Uploads under way count in what one call erases. What is not erased yet nobody can use: a commit,
 * an upload's next chunk, a claim. */
static void session_end_erases_uploads_under_way_in_slices(void **state)
{
	long long before, calls = 1;
	char id[8];

	(void)state;
	session("S", 60000, 3600000);
	blob("B", "S", 1, 2, 100000);
	for (int i = 0; i < 6; i++) {
		snprintf(id, sizeof id, "U%d", i);
		assert_int_equal(fcall("stage", "%s up S %d 1 32 60000 d", id, i % 2), 0);
		large_chunks(id, 30);
	}
	before = chunks_left();
	assert_int_equal(before, 182);
	assert_int_equal(fcall("session_close", "S up 1 10"), 0);
	assert_string_equal(last->element[2]->str, "1"); /* more */
	/* every visible blob has ended with the first call */
	assert_string_equal(field(3, 0), "B");
	assert_int_equal(fcall("take", "B v T"), TG_EGONE);
	assert_int_equal(fcall("stage", "U5 up S 1 0 64 60000 d"), TG_ESESSION);
	while (calls == 1 || last->element[2]->str[0] == '1') {
		assert_true((before - chunks_left()) * LARGE_CHUNK <= SLICE + LARGE_CHUNK);
		before = chunks_left();
		assert_int_equal(fcall("session_close", "S up 1 10"), 0);
		calls++;
		assert_true(calls < 100);
	}
	assert_int_equal(chunks_left(), 0);
	assert_true(calls > 2 * 30LL * LARGE_CHUNK * 3 / SLICE);
	assert_int_equal(redis_server_keys(&redis, "tg:{05}:b:U*"), 0);
	/* What writes that come too late leave is wiped in half a second and in a minute; and what
	 * stood behind the refused stage. */
	assert_int_equal(number_at("ZCOUNT " DL " 2 %s", "+inf"), 2 * 6 + 1);
}

static void session_idle_ends_without_a_reaper(void **state)
{
	(void)state;
	session("S", 150, 3600000);
	blob("B", "S", 1, 1, 100000);
	assert_int_equal(fcall("session_check", "S up"), 0);
	sleep_until(score("s:S"));
	assert_int_equal(fcall("session_check", "S up"), TG_ESESSION);
	assert_int_equal(fcall("take", "B v T"), TG_EGONE);
	assert_string_equal(field(1, 12), "session-idle");
	assert_int_equal(fcall("session_show", "S"), 0);
	assert_string_equal(field(1, 1), "idle");
	assert_int_equal(score("s:S"), -1);
}

static void session_touch_moves_the_idle_clock_and_never_the_deadline(void **state)
{
	long long dl, idl;

	(void)state;
	session("S", 2000, 3000);
	dl = atoll(field(1, 4));
	idl = atoll(field(1, 5));
	sleep_until(now_ms() + 5);
	assert_int_equal(fcall("session_touch", "S up"), 0);
	assert_int_equal(atoll(field(1, 4)), dl);
	assert_true(atoll(field(1, 5)) > idl);
	assert_int_equal(score("s:S"), atoll(field(1, 5)));
	assert_int_equal(fcall("session_touch", "S other"), TG_ENOENT);
	/* An upload and a take count, too; and the idle deadline never passes the session's own. */
	idl = score("s:S");
	sleep_until(now_ms() + 5);
	blob("B", "S", 1, 1, 1000);
	assert_true(score("s:S") > idl);
	idl = score("s:S");
	sleep_until(now_ms() + 5);
	assert_int_equal(fcall("take", "B v T"), 0);
	assert_true(score("s:S") > idl);
	sleep_until(dl - 1500);
	assert_int_equal(fcall("session_touch", "S up"), 0);
	assert_int_equal(score("s:S"), dl);
}

/* Whoever closes a session with all that names it dies behind the first step: nothing of it can be
 * read any more, and the reaper erases it. */
static void close_with_all_that_is_broken_off_is_finished(void **state)
{
	char id[8];

	(void)state;
	assert_int_equal(session("S", 60000, 100000), 0);
	for (int i = 0; i < 12; i++) {
		snprintf(id, sizeof id, "B%d", i);
		blob(id, "S", i == 0, 1 + i % 2, 100000);
	}
	assert_int_equal(fcall("session_close", "S %s 1 4", "up"), 0);
	assert_string_equal(last->element[2]->str, "1");
	assert_int_equal(fcall("take", "B9 v %s", "T"), TG_EGONE);
	assert_string_equal(field(1, 12), "session-closed");
	assert_int_equal(fcall("reap", "64 %d", 0), 0);
	for (int i = 0; i < 12; i++) {
		snprintf(id, sizeof id, "B%d", i);
		assert_int_equal(fcall("claim", "%s v 30000 TH salt CK 0", id), TG_EGONE);
	}
	assert_int_equal(redis_server_chunks(&redis, "*"), 0);
	assert_int_equal(number_at("ZCARD " DL "%s", ""), 0);
	assert_int_equal(fcall("session_close", "S %s 1 4", "up"), 0);
	assert_string_equal(last->element[2]->str, "0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(session_close_erases_bound_staged_and_live),
		T(session_end_erases_uploads_under_way_in_slices),
		T(session_idle_ends_without_a_reaper),
		T(session_touch_moves_the_idle_clock_and_never_the_deadline),
		T(close_with_all_that_is_broken_off_is_finished),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
