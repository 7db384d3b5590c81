/*
 * Goal: the functions of subjects alone: what is a subject's, in whatever state, is found, erased
 * and frozen by one call, and nothing else is; how much there may be of it; and what a call leaves
 * that is broken off.
 */
#include <timeglas/retention.h>
#include "functions_fixture.h"

/* Of shard 05. */
#define HASH "05aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define OTHER "45bbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define LIST "tg:{05}:j:" HASH
#define DESC "tag passport 0 " HASH

enum state { STAGED, LIVE_ONE, LIVE_MANY, TAKING, CLAIMED, CONSUMED, STATES };

static int stage_of(const char *id, int n, const char *d, long age_ms)
{
	return fcall("stage", "%s up %s 0 1 %d 60000 %s %ld", id, "", n, d, age_ms);
}

static int commit_of(const char *id, const char *d, int n, long size, long age_ms)
{
	return fcall("commit", "%s up %s %s 0 %d %ld 100000 %ld %s %s %d", id, " v w ", "", n, size,
		age_ms, d, "SWE -", n > 1);
}

/* A live blob of five bytes a chunk. */
static void blob_of(const char *id, const char *d, int n)
{
	if (n > 1)
		assert_int_equal(stage_of(id, n, d, 0), 0);
	for (int i = 0; i < n && n > 1; i++)
		chunk(id, i, "bytes");
	if (n == 1)
		only_chunk(id, "bytes");
	assert_int_equal(commit_of(id, d, n, 5L * n, 0), 0);
}

static void make(const char *id, enum state state, const char *d)
{
	if (state == STAGED) {
		assert_int_equal(stage_of(id, 3, d, 0), 0);
		chunk(id, 0, "bytes");
		return;
	}
	blob_of(id, d, state == LIVE_MANY || state == TAKING ? 2 : 1);
	if (state == TAKING || state == CONSUMED)
		assert_int_equal(fcall("take", "%s v T", id), 0);
	if (state == CLAIMED)
		assert_int_equal(fcall("claim", "%s v 30000 TH %s %s 0", id, "", ""), 0);
}

static int erase(const char *by)
{
	return fcall("subject_erase", HASH " up %s overwrite 0", by);
}

static int freeze(long ms)
{
	return fcall("subject_freeze", HASH " up up %ld", ms);
}

static void erasing_ends_what_is_there_in_every_state(void **state)
{
	static const char *const cause[] = {"", "erased", "erased", "consumed", "erased", "", NULL};

	(void)state;
	for (int s = 0; s < STATES; s++) {
		char id[4] = {'B', (char)('0' + s), '\0'};
		make(id, (enum state)s, DESC);
		id[0] = 'O';
		make(id, (enum state)s, "tag passport 0 " OTHER);
		id[0] = 'N';
		make(id, (enum state)s, "tag passport 0");
	}
	assert_int_equal(erase("up"), 0);
	assert_string_equal(last->element[1]->str, "0");
	assert_int_equal(last->elements, 4 + 4);
	for (int i = 0; i < 4; i++) {
		int s = field(4 + i, 0)[1] - '0';
		assert_int_equal(field(4 + i, 0)[0], 'B');
		assert_string_equal(field(4 + i, 12), cause[s]);
	}
	assert_string_equal(newest("e"), "subject-erased");
	assert_string_equal(newest("sj"), HASH);
	assert_string_equal(newest("u"), "up");
	assert_string_equal(newest("w"), "up");
	assert_string_equal(newest("count"), "4");
	assert_string_equal(newest("method"), "overwrite");
	assert_int_equal(count_events("e\taborted"), 1);
	assert_int_equal(redis_server_chunks(&redis, "B*"), 0);
	/* the others' are as they were */
	assert_int_equal(fcall("take", "O%d v T", LIVE_ONE), 0);
	assert_int_equal(fcall("take", "N%d v T", LIVE_ONE), 0);
	assert_int_equal(fcall("claim_read", "O%d v TH", CLAIMED), 0);
	/* again: there is nothing, and that is told of, too */
	assert_int_equal(erase("op"), 0);
	assert_int_equal(last->elements, 4);
	assert_string_equal(newest("count"), "0");
	assert_string_equal(newest("w"), "op");
}

static void showing_tells_what_is_there_and_how_the_rest_ended(void **state)
{
	(void)state;
	make("B0", STAGED, DESC);
	make("B1", LIVE_ONE, DESC);
	make("B2", CLAIMED, DESC);
	make("B3", CONSUMED, DESC);
	make("B4", TAKING, DESC);
	assert_int_equal(fcall("take_end", "B4 T"), 0);
	make("O1", LIVE_ONE, "tag passport 0 " OTHER);
	assert_int_equal(fcall("subject_show", "%s", HASH), 0);
	assert_int_equal(last->elements, 3 + 2 * 4);
	assert_string_equal(last->element[1]->str, "");
	assert_string_equal(last->element[2]->str, "0");
	for (size_t i = 3; i < last->elements; i += 2) {
		const char *id = field((int)i, 0), *reader = last->element[i + 1]->str;
		assert_int_equal(id[0], 'B');
		assert_string_equal(reader, id[1] == '1' ? "" : "v");
		assert_string_equal(field((int)i, 1),
			i == 3 + 4 || i == 3 + 6 ? "gone" :
				id[1] == '1'     ? "live" :
						   "claimed");
	}
	/* an end without a tombstone is nothing any more, and leaves the list */
	redis_server_run_cmd(&redis, "DEL tg:{05}:b:B3%s", "");
	redis_server_run_cmd(&redis, "ZADD " LIST " 1000 %s", "B3");
	assert_int_equal(fcall("subject_show", "%s", HASH), 0);
	assert_int_equal(last->elements, 3 + 2 * 3);
	make("B5", LIVE_ONE, DESC);
	assert_int_equal(number_at("ZSCORE " LIST " %s", "B3"), -1);
}

static void what_ends_by_itself_is_shown_as_ended(void **state)
{
	(void)state;
	make("B1", LIVE_ONE, DESC);
	make("B2", LIVE_MANY, DESC);
	make("B3", CLAIMED, DESC);
	make("B4", STAGED, DESC);
	make("B5", LIVE_ONE, DESC);
	make_due("b:B5");
	expire_unseen("B5");
	make_due("b:B1");
	make_due("b:B2");
	make_due("b:B3");
	make_due("b:B4");
	reap(64);
	assert_int_equal(number_at("ZCOUNT " LIST " -inf %s", "0"), 0);
	assert_int_equal(number_at("ZCOUNT " LIST " 1 %s", "+inf"), 4);
	assert_int_equal(erase("up"), 0);
	assert_string_equal(newest("count"), "0");
}

/* An upload that began before the erasure is refused, whether anything of it was in the store or
 * not; one that begins behind it is stored. */
static void an_upload_that_began_earlier_is_not_stored(void **state)
{
	(void)state;
	make("B", STAGED, DESC);
	assert_int_equal(erase("up"), 0);
	assert_int_equal(count_events("e\taborted"), 1);
	assert_int_equal(number_at("ZCARD %s", LIST), 0);
	assert_int_equal(fcall("stage", "B up %s 0 0 3 60000 %s 500", "", DESC), TG_EGONE);
	chunk("B", 1, "bytes");
	assert_int_equal(commit_of("B", DESC, 2, 10, 500), TG_EGONE);
	assert_int_equal(redis_server_chunks(&redis, "B"), 0);
	assert_int_equal(stage_of("C", 3, DESC, 500), TG_EGONE);
	only_chunk("D", "bytes");
	assert_int_equal(commit_of("D", DESC, 1, 5, 500), TG_EGONE);
	assert_int_equal(redis_server_keys(&redis, "tg:{05}:b:*"), 0);
	sleep_until(now_ms() + 5);
	blob_of("D", DESC, 1);
	blob_of("E", DESC, 2);
	assert_int_equal(number_at("ZCARD %s", LIST), 2);
}

/* In a session that has a subject the upload need not name it. */
static void a_sessions_blobs_are_its_subjects(void **state)
{
	(void)state;
	assert_int_equal(fcall("session_open", "S up %s 60000 100000", HASH), 0);
	assert_int_equal(fcall("stage", "B up S 1 1 3 60000 %s 0", "- passport 0"), 0);
	assert_int_equal(fcall("stage", "C up S 1 1 2 60000 %s 0", "- passport 0"), 0);
	chunk("C", 0, "bytes");
	chunk("C", 1, "bytes");
	assert_int_equal(commit("C", "S", 1, 2, 10, 60000, 0), 0);
	only_chunk("D", "bytes");
	assert_int_equal(commit("D", "S", 1, 1, 5, 60000, 0), 0);
	assert_int_equal(erase("up"), 0);
	assert_int_equal(last->elements, 4 + 2);
	assert_int_equal(fcall("session_show", "%s", "S"), 0);
	assert_string_equal(field(1, 1), "open");
	assert_int_equal(number_at("HGET tg:{05}:s:S %s", "n"), 0);
	assert_int_equal(fcall("stage", "B up S 1 0 3 60000 %s 500", "- passport 0"), TG_EGONE);
}

static void a_frozen_subject_is_not_read_and_its_clocks_run(void **state)
{
	(void)state;
	make("B1", LIVE_ONE, DESC);
	make("B2", LIVE_MANY, DESC);
	make("B3", CLAIMED, DESC);
	make("B4", TAKING, DESC);
	make("B5", CONSUMED, DESC);
	make("O1", LIVE_ONE, "tag passport 0 " OTHER);
	assert_int_equal(freeze(60000), 0);
	assert_true(last->element[1]->integer > now_ms() + 50000);
	assert_int_equal(count_events("e\tsubject-frozen\tsj\t" HASH "\tu\tup\tw\tup\tdl\t"), 1);
	make("B6", LIVE_ONE, DESC); /* stored, and frozen */
	assert_int_equal(fcall("take", "B1 v %s", "T"), TG_EFROZEN);
	assert_int_equal(fcall("take", "B2 v %s", "T"), TG_EFROZEN);
	assert_int_equal(fcall("take", "B6 v %s", "T"), TG_EFROZEN);
	assert_int_equal(fcall("claim", "B1 v 30000 TH2 %s %s 0", "", ""), TG_EFROZEN);
	assert_int_equal(fcall("take", "B1 stranger %s", "T"), TG_ENOENT);
	assert_int_equal(fcall("claim_read", "B3 v %s", "TH"), TG_EFROZEN);
	assert_int_equal(fcall("stat", "B3 %s", "1"), TG_EFROZEN);
	assert_int_equal(fcall("stat", "%s", "B3"), 0);
	/* of a take under way the reader has had bytes: it ends, and nothing more is delivered */
	assert_int_equal(fcall("take_more", "B4 %s", "T"), TG_EGONE);
	assert_int_equal(fcall("stat", "%s", "B4"), 0);
	assert_string_equal(field(1, 12), "consumed");
	assert_int_equal(redis_server_chunks(&redis, "B4"), 0);
	assert_int_equal(fcall("take_wanted", "B5 %s 0 %s", "", HASH), TG_EGONE);
	assert_int_equal(fcall("take", "O1 v %s", "T"), 0);
	assert_int_equal(fcall("take_wanted", "O1 %s 0 %s", "", OTHER), 0);
	make_due("b:B6");
	reap(64);
	assert_int_equal(fcall("take", "B6 v %s", "T"), TG_EGONE);
	/* a claimant may be done with it */
	assert_int_equal(fcall("ack", "B3 v TH ok %s", ""), 0);
	assert_int_equal(fcall("subject_release", HASH " up %s", "op"), 0);
	assert_string_equal(newest("e"), "subject-released");
	assert_string_equal(newest("w"), "op");
	assert_int_equal(fcall("take_wanted", "B5 %s 0 %s", "", HASH), 0);
	assert_int_equal(fcall("take", "B1 v %s", "T"), 0);
	assert_int_equal(fcall("claim", "B2 v 30000 TH2 %s %s 0", "", ""), 0);
	assert_int_equal(fcall("subject_release", HASH " up %s", "op"), 0);
	assert_string_equal(last->element[1]->str, ""); /* it was not frozen */
	assert_int_equal(count_events("e\tsubject-released"), 1);
}

static void a_freeze_ends_by_its_own_clock(void **state)
{
	(void)state;
	make("B1", LIVE_ONE, DESC);
	assert_int_equal(freeze(60), 0);
	long long ends = last->element[1]->integer;
	assert_int_equal(fcall("take", "B1 v %s", "T"), TG_EFROZEN);
	sleep_until(ends);
	assert_int_equal(fcall("subject_show", "%s", HASH), 0);
	assert_string_equal(last->element[1]->str, "");
	assert_int_equal(fcall("take", "B1 v %s", "T"), 0);
}

/* What a take has read is on its way to a slow reader. */
static void erasing_stops_a_delivery_and_no_later_one(void **state)
{
	(void)state;
	make("B1", CONSUMED, DESC);
	assert_int_equal(fcall("take_wanted", "B1 %s 0 %s", "", HASH), 0);
	sleep_until(now_ms() + 2);
	assert_int_equal(erase("up"), 0);
	assert_int_equal(fcall("take_wanted", "B1 %s 0 %s", "", HASH), TG_EGONE);
	sleep_until(now_ms() + 2);
	make("B2", CONSUMED, DESC);
	assert_int_equal(fcall("take_wanted", "B2 %s 0 %s", "", HASH), 0);
}

static void there_are_at_most_so_many_and_so_large(void **state)
{
	char id[8];

	(void)state;
	for (unsigned i = 0; i < TG_SUBJECT_BLOBS; i++) {
		snprintf(id, sizeof id, "B%u", i);
		make(id, i == 0 ? STAGED : LIVE_ONE, DESC);
	}
	assert_int_equal(stage_of("X", 2, DESC, 0), TG_EQUOTA);
	only_chunk("X", "bytes");
	assert_int_equal(commit_of("X", DESC, 1, 5, 0), TG_EQUOTA);
	assert_int_equal(redis_server_keys(&redis, "tg:{05}:b:X"), 0);
	make("O1", LIVE_ONE, "tag passport 0 " OTHER);
	/* an upload that is in the list has its place */
	chunk("B0", 1, "bytes");
	assert_int_equal(commit_of("B0", DESC, 2, 10, 0), 0);
	assert_int_equal(fcall("take", "B1 v %s", "T"), 0);
	make("X", LIVE_ONE, DESC);
	/* what an end that was broken off has left in the list does not count */
	assert_int_equal(fcall("take", "B2 v %s", "T"), 0);
	redis_server_run_cmd(&redis, "ZADD " LIST " -5 %s", "B2");
	make("Y", LIVE_ONE, DESC);
	/* bytes: those of the visible ones, and not one more */
	assert_int_equal(erase("up"), 0);
	sleep_until(now_ms() + 2);
	make("Z", LIVE_ONE, DESC);
	redis_server_run_cmd(&redis, "ZADD " LIST " -%u Z", TG_SUBJECT_BYTES - 5);
	make("Z2", LIVE_ONE, DESC);
	only_chunk("Z3", "bytes");
	assert_int_equal(commit_of("Z3", DESC, 1, 5, 0), TG_EQUOTA);
}

/* The bytes go in slices; from the first call on nobody can read any of it. */
static void erasing_goes_on_in_slices(void **state)
{
	long long before;
	char id[8];
	int calls = 0;

	(void)state;
	for (int i = 0; i < 3; i++) {
		snprintf(id, sizeof id, "B%d", i);
		assert_int_equal(stage_of(id, 60, DESC, 0), 0);
		large_chunks(id, 60);
		assert_int_equal(commit_of(id, DESC, 60, 60L * LARGE_CHUNK, 0), 0);
	}
	before = chunks_left();
	assert_int_equal(erase("up"), 0);
	assert_string_equal(last->element[1]->str, "1");
	assert_int_equal(last->elements, 4 + 3);
	while (last->element[1]->str[0] == '1') {
		assert_true((before - chunks_left()) * LARGE_CHUNK <= SLICE + LARGE_CHUNK);
		before = chunks_left();
		assert_int_equal(fcall("subject_erase", HASH " up up %s 1", "overwrite"), 0);
		assert_int_equal(last->elements, 4);
		assert_true(++calls < 100);
	}
	assert_true(calls > 2);
	assert_int_equal(chunks_left(), 0);
	assert_int_equal(count_events("e\tsubject-erased"), 1);
}

/* Redis refuses a command in the middle: whoever calls again, or the reaper, finishes it, each end
 * is told of once, and the list is right in the end. */
static void an_erasure_that_is_broken_off_is_finished(void **state)
{
	static const char *const command[] = {
		"xadd", "set", "zadd", "zrem", "unlink", "del", "hset"};
	static const char *const words[] = {
		"tg2_subject_erase", HASH, "up", "up", "overwrite", "0"};

	(void)state;
	load_unchecked_library();
	redis_server_compared(&redis);
	for (size_t c = 0; c < sizeof command / sizeof *command; c++) {
		redis_server_run_cmd(&redis, "FLUSHDB%s", "");
		for (int s = STAGED; s < STATES; s++) {
			char id[4] = {'B', (char)('0' + s), '\0'};
			make(id, (enum state)s, DESC);
		}
		call_while_denied(command[c], words, 6, 2);
		assert_int_equal(erase("up"), 0);
		end_everything();
		assert_int_equal(count_events("e\tgone"), 5);
		assert_int_equal(redis_server_chunks(&redis, "*"), 0);
		assert_int_equal(number_at("ZCOUNT " LIST " -inf %s", "0"), 0);
	}
}

/* A store that went back is told what it has forgotten, and forgets nothing that it knows. */
static void what_was_said_of_a_subject_is_said_again(void **state)
{
	const long long now = now_ms(), until = now + 60000;

	(void)state;
	make("B", LIVE_ONE, DESC);
	assert_int_equal(fcall("subject_again", HASH " %lld %lld", now - 5000, until), 0);
	assert_int_equal(fcall("take", "B v T"), TG_EFROZEN);
	assert_int_equal(fcall("subject_show", HASH "%s", ""), 0);
	assert_int_equal(last->element[1]->integer, until);
	assert_int_equal(number_at("HGET %s er", "tg:{05}:jf:" HASH), now - 5000);
	/* earlier ones, and one that is over, change nothing */
	assert_int_equal(fcall("subject_again", HASH " %lld %lld", now - 9000, until - 1), 0);
	assert_int_equal(fcall("subject_again", HASH " %lld %lld", 0LL, now - 1), 0);
	assert_int_equal(number_at("HGET %s er", "tg:{05}:jf:" HASH), now - 5000);
	assert_int_equal(number_at("HGET %s fz", "tg:{05}:jf:" HASH), until);
	assert_int_equal(count_events("e\tsubject-frozen"), 0);
	assert_int_equal(fcall("subject_release", HASH " up %s", "up"), 0);
	assert_int_equal(fcall("take", "B v T"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(erasing_ends_what_is_there_in_every_state),
		T(showing_tells_what_is_there_and_how_the_rest_ended),
		T(what_ends_by_itself_is_shown_as_ended),
		T(an_upload_that_began_earlier_is_not_stored),
		T(a_sessions_blobs_are_its_subjects),
		T(a_frozen_subject_is_not_read_and_its_clocks_run),
		T(a_freeze_ends_by_its_own_clock),
		T(erasing_stops_a_delivery_and_no_later_one),
		T(there_are_at_most_so_many_and_so_large),
		T(erasing_goes_on_in_slices),
		T(an_erasure_that_is_broken_off_is_finished),
		T(what_was_said_of_a_subject_is_said_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
