/*
 * Goal: names that uploaders choose, in the Function library alone: attempts that share a name
 * touch nothing of each other's, and nothing of the blob that has it; whichever command Redis
 * refuses, whichever write or call comes late.
 */
#include "functions_fixture.h"

/* An attempt up to its commit; ref: of its events. */
static void write_attempt(const char *attempt, const char *sid, int n, const char *ref)
{
	char d[40];

	snprintf(d, sizeof d, "%s passport 0", ref);
	if (n > 1)
		assert_int_equal(fcall("stage", "%s up %s %d 1 %d 60000 %s", attempt, sid,
					 sid[0] != '\0', n, d),
			0);
	for (int i = 0; i < n && n > 1; i++)
		chunk(attempt, i, "bytes");
	if (n == 1)
		only_chunk(attempt, "bytes");
}

static void commit_attempt(const char *attempt, const char *sid, int n, const char *ref)
{
	write_attempt(attempt, sid, n, ref);
	assert_int_equal(commit_under_name(attempt, "up", sid, n, 5L * n, SAME, ref), 0);
}

static void large_attempt(const char *attempt, int n)
{
	assert_int_equal(
		fcall("stage", "%s up %s 0 1 %d 60000 %s", attempt, "", n, "r passport 0"), 0);
	large_chunks(attempt, n);
}

/* Cases -------------------------------------------------------------------- */

static void commit_makes_the_attempt_a_blob_and_nothing_else_is_left_of_it(void **state)
{
	(void)state;
	for (int n = 1; n <= 3; n += 2) {
		redis_server_run_cmd(&redis, "FLUSHALL");
		session("S", 60000, 3600000);
		commit_attempt("B:T1", "S", n, "r");
		assert_string_equal(field(1, 0), "B");
		assert_int_equal(redis_server_keys(&redis, "*B:T1*"), 0);
		assert_int_equal(chunks_left(), n);
		assert_int_equal(redis_server_int(&redis, "ZCARD " DL), 2);
		assert_int_equal(redis_server_int(&redis, "ZCARD tg:{05}:sb:S"), 1);
		assert_int_equal(
			number_at("PEXPIRETIME %s", n == 1 ? "tg:{05}:b:B" : "tg:{05}:c:B:0"),
			score("b:B") + NET_MS);
		assert_int_equal(fcall("take", "B v T"), 0);
		assert_int_equal(count_events("e\tstored\t"), 1);
	}
}

static void whoever_comes_second_gets_one_answer_and_leaves_nothing(void **state)
{
	static const char *const others[] = {HEAD_B LENGTH DIGEST, HEAD_A "2222222222222222" DIGEST,
		HEAD_A LENGTH "eeeeeeeeeeeeeeee"};
	static const char *const states[] = {"live", "claimed", "gone"};

	(void)state;
	commit_attempt("B:T1", "", 2, "r");
	for (size_t s = 0; s < 3; s++) {
		if (s == 1)
			assert_int_equal(fcall("claim", "B v 60000 TH %s %s 0", "", ""), 0);
		if (s == 2)
			assert_int_equal(fcall("erase", "B up"), 0);
		const long long before = chunks_left();
		for (size_t i = 0; i < sizeof others / sizeof *others; i++)
			for (int n = 1; n <= 3; n += 2) {
				write_attempt("B:T2", "", n, "q");
				assert_int_equal(commit_under_name("B:T2", "up", "", n, 5L * n,
							 others[i], "q"),
					TG_ETAKEN);
				assert_int_equal(fcall("named", "B up %s", others[i]), TG_ETAKEN);
			}
		write_attempt("B:T2", "", 2, "q");
		assert_int_equal(
			commit_under_name("B:T2", "stranger", "", 2, 10, SAME, "q"), TG_ETAKEN);
		assert_int_equal(fcall("named", "B stranger %s", SAME), TG_ETAKEN);
		assert_int_equal(last->elements, 1);
		assert_int_equal(chunks_left(), before);
		write_attempt("B:T3", "", 1, "q");
		assert_int_equal(commit_under_name("B:T3", "up", "", 1, 10, SAME, "q"), 0);
		assert_string_equal(field(1, 1), states[s]);
		assert_string_equal(last->element[2]->str, "1");
		write_attempt("B:T4", "", 1, "q"); /* the digest is compared where both tell it */
		assert_int_equal(
			commit_under_name("B:T4", "up", "", 1, 10, HEAD_A LENGTH UNKNOWN, "q"), 0);
		assert_int_equal(redis_server_keys(&redis, "*B:T*"), 0);
		assert_int_equal(chunks_left(), before);
	}
	assert_int_equal(count_events("e\tstored\t"), 1);
	assert_int_equal(count_events("e\tgone\t"), 1);
	assert_int_equal(count_events("e\taborted\t"), 0);
}

/* What strangers do before a commit: whatever acts by the name of an attempt leaves the blob, and
 * other attempts, alone. */
static void attempts_that_never_commit_touch_nothing(void **state)
{
	(void)state;
	session("S", 60000, 3600000);
	commit_attempt("B:T1", "S", 2, "r");
	write_attempt("B:T2", "", 3, "two");
	write_attempt("B:T3", "", 3, "three");
	assert_int_equal(fcall("abort", "B:T2 3 60000 1"), 0);
	assert_int_equal(fcall("abort", "B:none 3 60000 1"), 0);
	assert_int_equal(fcall("abort", "B 3 0 1"), 0); /* of a name that the server drew */
	assert_int_equal(redis_server_keys(&redis, "tg:{05}:c:B:T3:*"), 3);
	redis_server_run_cmd(&redis, "ZADD " DL " XX 1 b:B:T3");
	reap(64);
	redis_server_run_cmd(&redis, "ZADD " DL " XX 1 u:B:T2:#3");
	redis_server_run_cmd(&redis, "ZADD " DL " XX 1 u:B:none:#3");
	redis_server_run_cmd(&redis, "ZADD " DL " XX 1 u:B:#3");
	redis_server_run_cmd(&redis, "ZADD " DL " XX 1 x:B:T3:#3");
	reap(64);
	assert_int_equal(redis_server_int(&redis, "ZCARD " DL), 2);
	assert_int_equal(count_events("e\taborted\td\ttwo "), 1);
	assert_int_equal(count_events("e\taborted\td\tthree "), 1);
	assert_int_equal(chunks_left(), 2);
	assert_int_equal(fcall("stat", "B"), 0);
	assert_string_equal(field(1, 1), "live");
}

static void what_one_call_could_not_erase_of_an_attempt_is_erased(void **state)
{
	(void)state;
	large_attempt("B:7777", 150);
	assert_int_equal(fcall("abort", "B:7777 150 0 0"), 0);
	assert_true(chunks_left() > 0);
	end_everything();
	assert_int_equal(chunks_left(), 0);
}

static void late_chunk_of_an_attempt_is_wiped(void **state)
{
	(void)state;
	write_attempt("B:T1", "", 2, "r");
	assert_int_equal(fcall("abort", "B:T1 2 60000 0"), 0);
	chunk("B:T1", 1, "bytes");
	chunk("B:T1", 40, "bytes");
	end_everything();
	assert_int_equal(chunks_left(), 0);
}

/* A stalled connection delivers a commit behind its own abort. Nobody is told of that blob, so it
 * ends with the sweep; unless its uploader has repeated it meanwhile. */
static void late_commit_ends_unless_its_uploader_knows(void **state)
{
	(void)state;
	for (int repeated = 0; repeated < 2; repeated++) {
		redis_server_run_cmd(&redis, "FLUSHALL");
		assert_int_equal(fcall("abort", "B:T1 1 60000 1"), 0);
		commit_attempt("B:T1", "", 1, "r");
		if (repeated)
			assert_int_equal(fcall("named", "B up %s", SAME), 0);
		redis_server_run_cmd(&redis, "ZADD " DL " XX 1 u:B:T1:#1");
		reap(64);
		assert_int_equal(count_events("e\tgone\t"), !repeated);
		assert_int_equal(chunks_left(), repeated);
		assert_int_equal(fcall("stat", "B"), 0);
		assert_string_equal(field(1, 1), repeated ? "live" : "gone");
		assert_string_equal(field(1, 12), repeated ? "" : "aborted");
	}
}

/* The same of a name that the server drew: what its uploader knows of keeps its bytes. */
static void late_commit_of_a_drawn_name_ends_or_is_whole(void **state)
{
	(void)state;
	for (int repeated = 0; repeated < 2; repeated++) {
		redis_server_run_cmd(&redis, "FLUSHALL");
		assert_int_equal(fcall("abort", "B 1 60000 1"), 0);
		blob("B", "", 0, 1, 100000);
		if (repeated)
			assert_int_equal(fcall("idempotency_look", "B"), 0);
		redis_server_run_cmd(&redis, "ZADD " DL " XX 1 u:B:#1");
		reap(64);
		assert_int_equal(count_events("e\tgone\t"), !repeated);
		assert_int_equal(chunks_left(), repeated);
	}
}

static void an_abort_ends_what_its_own_attempt_stored_and_nobody_knows_of(void **state)
{
	char ended[64];

	(void)state;
	commit_attempt("B:T1", "", 2, "r");
	assert_int_equal(fcall("abort", "B:T1 2 60000 1"), 0);
	assert_int_equal(fcall("stat", "B"), 0);
	assert_string_equal(field(1, 12), "aborted");
	snprintf(ended, sizeof ended, "%s", field(1, 14));
	write_attempt("B:T2", "", 2, "q"); /* a stranger, and another description */
	assert_int_equal(commit_under_name("B:T2", "stranger", "", 2, 10, SAME, "q"), TG_ETAKEN);
	write_attempt("B:T2", "", 2, "q");
	assert_int_equal(
		commit_under_name("B:T2", "up", "", 2, 10, HEAD_B LENGTH DIGEST, "q"), TG_ETAKEN);
	assert_int_equal(fcall("named", "B up %s", SAME), 0); /* to who repeats it there is none */
	assert_int_equal(last->elements, 1);
	commit_attempt("B:T3", "", 2, "second");
	assert_string_equal(field(1, 1), "live");
	assert_int_equal(fcall("still", "B"), 0); /* it names that end: it is none of its own */
	assert_string_equal(field(1, 0), "B");
	assert_string_equal(field(1, 1), ended);
	assert_true(strlen(ended) > 5);
	/* the first one's again: its answer was lost */
	assert_int_equal(fcall("abort", "B:T1 2 60000 1"), 0);
	end_everything();
	assert_int_equal(count_events("e\tstored\td\tr "), 1);
	assert_int_equal(count_events("e\tgone\td\tr passport 0\tc\taborted\t"), 1);
	assert_int_equal(count_events("e\tstored\td\tsecond "), 1);
	assert_int_equal(count_events("e\tgone\td\tsecond passport 0\tc\texpired\t"), 1);
}

/* What is left to be erased of a large blob that was aborted is not erased from the one that is
 * stored in its place. */
static void a_blob_in_the_place_of_an_aborted_one_keeps_its_bytes(void **state)
{
	int err;

	(void)state;
	large_attempt("B:T1", 120);
	assert_int_equal(commit_under_name("B:T1", "up", "", 120, 120 * LARGE_CHUNK, SAME, "r"), 0);
	assert_int_equal(fcall("abort", "B:T1 120 0 1"), 0);
	assert_true(redis_server_chunks(&redis, "B") > 0);
	do {
		large_attempt("B:T2", 120);
		err = commit_under_name("B:T2", "up", "", 120, 120 * LARGE_CHUNK, SAME, "q");
		assert_true(err == 0 || err == TG_EINFLIGHT);
	} while (err != 0);
	for (int i = 0; i < 10; i++)
		reap(64);
	assert_int_equal(redis_server_keys(&redis, "tg:{05}:c:B:??") +
			redis_server_keys(&redis, "tg:{05}:c:B:?") +
			redis_server_keys(&redis, "tg:{05}:c:B:???"),
		120);
	assert_int_equal(fcall("claim", "B v 60000 TH %s %s 0", "", ""), 0);
}

/* Nor does it store one where nothing stands: it may have forgotten a blob of that name, and that
 * it ended. */
static void a_store_that_was_not_compared_tells_no_uploader_of_its_blob(void **state)
{
	(void)state;
	commit_attempt("B:T1", "", 1, "r");
	redis_server_run_cmd(&redis, "FUNCTION FLUSH");
	redis_server_run_cmd(
		&redis, "FUNCTION LOAD %b", store_functions_lua, (size_t)store_functions_lua_len);
	assert_int_equal(fcall("named", "B up %s", SAME), TG_ECOMPARE);
	write_attempt("B:T2", "", 1, "q");
	assert_int_equal(commit_under_name("B:T2", "up", "", 1, 5, SAME, "q"), TG_ECOMPARE);
	assert_int_equal(fcall("named", "B stranger %s", SAME), TG_ETAKEN);
	assert_int_equal(fcall("named", "C up %s", SAME), TG_ECOMPARE);
	for (int n = 1; n <= 2; n++) {
		write_attempt("C:T1", "", n, "q");
		assert_int_equal(
			commit_under_name("C:T1", "up", "", n, 5 * n, SAME, "q"), TG_ECOMPARE);
	}
	assert_int_equal(chunks_left(), 1);
}

/* Whatever command is refused within a commit: its server sends an abort, and then there is a blob
 * with one end, or none and no word of one; and no chunk is left. */
static void command_denied_within_a_commit_leaves_nothing_untold(void **state)
{
	static const char *const denied[] = {"set", "xadd", "unlink", "zrem", "zadd", "del", "hset",
		"rename", "pexpire", "pexpireat", "strlen", "publish", "hincrby", "getrange",
		"setrange", "xdel", "zrange"};

	(void)state;
	for (size_t i = 0; i < sizeof denied / sizeof *denied; i++)
		for (int n = 1; n <= 2; n++)
			for (int again = 0; again < 3; again++) {
				const char *const words[] = {"tg2_commit", "B:T2", "up", " v ", "S",
					"1", n > 1 ? "2" : "1", n > 1 ? "10" : "5", "100000", "0",
					"new passport 0", "DNK -", n > 1 ? "1" : "0", SAME};
				redis_server_run_cmd(&redis, "FLUSHALL");
				session("S", 60000, 3600000);
				if (again > 0)
					commit_attempt("B:T1", "S", 2, "old");
				if (again > 1)
					assert_int_equal(fcall("abort", "B:T1 2 0 1"), 0);
				write_attempt("B:T2", "S", n, "new");
				call_while_denied(denied[i], words, 14, 1);
				assert_int_equal(fcall("abort", "B:T2 %d 0 1", n), 0);
				if (again == 1) {
					assert_int_equal(fcall("stat", "B"), 0);
					assert_string_equal(field(1, 1), "live");
					assert_int_equal(count_events("e\tgone\td\told "), 0);
				}
				end_everything();
				const int stored = count_events("e\tstored\td\tnew "),
					  ended = count_events("e\tgone\td\tnew ");
				if (stored != ended || stored > 1 ||
					count_events("e\tgone\td\told ") != (again > 0))
					fail_msg("without %s, %d chunks, case %d: stored %d times, "
						 "ended %d",
						denied[i], n, again, stored, ended);
				if (stored && count_events("e\taborted\td\tnew ") != 0)
					fail_msg("without %s, %d chunks, case %d: stored, and "
						 "aborted",
						denied[i], n, again);
				if (chunks_left() != 0)
					fail_msg("without %s, %d chunks, case %d: %lld chunks left",
						denied[i], n, again, chunks_left());
			}
}

/* Over the tombstone of an aborted one, a commit is refused in its middle; the upload is repeated,
 * and succeeds: that blob ends once, and nothing else is told of. */
static void command_denied_within_a_commit_ends_no_successor(void **state)
{
	static const char *const denied[] = {"xadd", "zadd", "rename", "pexpireat", "setrange"};

	(void)state;
	load_unchecked_library();
	redis_server_compared(&redis);
	for (size_t i = 0; i < sizeof denied / sizeof *denied; i++) {
		static const char *const words[] = {"tg2_commit", "B:T2", "up", " v ", "S", "1",
			"1", "5", "100000", "0", "new passport 0", "DNK -", "0", SAME};
		redis_server_run_cmd(&redis, "FLUSHALL");
		session("S", 600000, 3600000);
		commit_attempt("B:T1", "S", 1, "old");
		assert_int_equal(fcall("abort", "B:T1 1 0 1"), 0);
		write_attempt("B:T2", "S", 1, "new");
		call_while_denied(denied[i], words, 14, 1);
		assert_int_equal(fcall("abort", "B:T2 1 0 1"), 0);
		commit_attempt("B:T3", "S", 1, "next");
		end_everything();
		const int stored = count_events("e\tstored\td\tnew "),
			  ended = count_events("e\tgone\td\tnew "),
			  next = count_events("e\tgone\td\tnext ");
		if (stored != ended || next != 1)
			fail_msg("without %s: stored %d times, ended %d, and the next %d",
				denied[i], stored, ended, next);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(commit_makes_the_attempt_a_blob_and_nothing_else_is_left_of_it),
		T(whoever_comes_second_gets_one_answer_and_leaves_nothing),
		T(attempts_that_never_commit_touch_nothing),
		T(what_one_call_could_not_erase_of_an_attempt_is_erased),
		T(late_chunk_of_an_attempt_is_wiped),
		T(late_commit_ends_unless_its_uploader_knows),
		T(late_commit_of_a_drawn_name_ends_or_is_whole),
		T(an_abort_ends_what_its_own_attempt_stored_and_nobody_knows_of),
		T(a_blob_in_the_place_of_an_aborted_one_keeps_its_bytes),
		T(a_store_that_was_not_compared_tells_no_uploader_of_its_blob),
		T(command_denied_within_a_commit_leaves_nothing_untold),
		T(command_denied_within_a_commit_ends_no_successor),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
