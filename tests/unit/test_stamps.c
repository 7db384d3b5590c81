/*
 * Goal: a take whose server read the blob's string before the blob was live is told so and changes
 * nothing, in the Function library alone.
 */
#include "functions_fixture.h"

#define DESCRIPTION "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa1111111111111111dddddddddddddddd"

/* Of one byte, which a server has written under an attempt. */
#define LIVE_RECORD \
	"live\tup\t v \t\t0\t1\t1\t1\t9000000000000\tr passport 0\tDNK -\t\t\t\t384\n" \
	"\t\t\t\t\t\t\t\tT1\t\n"

#define STORED_EVENT \
	"e\tstored\td\tr passport 0\tu\tup\tto\t v \ts\t\tz\t1\tdl\t9000000000000\tat\t1"

/* Stores the blob B, under a name that its uploader chose. The answer's stamp is in last. */
static void store_named(void)
{
	only_chunk("B:T1", "bytes");
	assert_int_equal(fcall("commit", "B:T1 up %s %s 0 1 5 100000 0 %s %s 0 %s", " v ", "",
				 "r passport 0", "DNK -", DESCRIPTION),
		0);
}

/* The stamp that a take is given instead of the blob; fails where it is given the blob. */
static long long too_early(const char *seen)
{
	long long before = redis_server_int(&redis, "XLEN tg:{05}:out");

	assert_int_equal(fcall("take", "B v T %s", seen), TG_EINFLIGHT);
	assert_int_equal(redis_server_int(&redis, "XLEN tg:{05}:out"), before);
	assert_int_equal(chunks_left(), 1);
	return last->element[1]->integer;
}

static void take_that_read_ahead_of_the_commit_changes_nothing(void **state)
{
	char stamp[32];

	(void)state;
	assert_int_equal(fcall("time", ""), 0);
	snprintf(stamp, sizeof stamp, "%s", last->element[3]->str);
	store_named();
	assert_string_equal(last->element[2]->str, "0");
	assert_true(last->element[3]->integer > atoll(stamp));
	const long long now = last->element[3]->integer;
	assert_int_equal(too_early(stamp), now);
	assert_int_equal(too_early("0"), now);
	snprintf(stamp, sizeof stamp, "%lld", now - 1);
	assert_int_equal(too_early(stamp), now);
	snprintf(stamp, sizeof stamp, "%lld", now);
	assert_int_equal(fcall("take", "B v T %s", stamp), 0);
	assert_int_equal(last->element[2]->integer, now);
	assert_int_equal(chunks_left(), 0);
}

/* Reads begin in this process: what stands in it may have gone live in another one. */
static void take_that_read_before_the_store_was_compared_changes_nothing(void **state)
{
	char *const library = step_checked_library(), stamp[32];

	(void)state;
	store_named();
	redis_server_run_cmd(&redis, "FUNCTION LOAD REPLACE %s", library);
	free(library);
	assert_int_equal(fcall("take", "B v T 0"), TG_ECOMPARE);
	redis_server_compared(&redis);
	snprintf(stamp, sizeof stamp, "%lld", too_early("0"));
	redis_server_compared(&redis); /* once more changes nothing */
	assert_int_equal(fcall("take", "B v T %s", stamp), 0);
}

/* The stamps that are kept are so many; what went live before them counts as not seen. */
static void take_of_a_blob_whose_stamp_is_forgotten_needs_a_later_one(void **state)
{
	enum { NOTED = 4096 };
	char stamp[32], first[32];

	(void)state;
	store_named();
	snprintf(first, sizeof first, "%s", last->element[3]->str);
	for (int i = 0; i < 2 * NOTED; i++) {
		char id[32];
		redisReply *r;

		snprintf(id, sizeof id, "N%d:T1", i);
		redisAppendCommand(redis.c, "SET tg:{05}:b:%s %s PX 60000", id, LIVE_RECORD);
		redisAppendCommand(redis.c, "FCALL tg2_put 1 " DL " %s b:N%d %s 9000000000000", id,
			i, STORED_EVENT);
		assert_int_equal(redisGetReply(redis.c, (void **)&r), REDIS_OK);
		freeReplyObject(r);
		assert_int_equal(redisGetReply(redis.c, (void **)&r), REDIS_OK);
		if (r->type != REDIS_REPLY_STRING || strncmp(r->str, "0\n", 2) != 0)
			fail_msg("tg2_put: %s", r->str);
		freeReplyObject(r);
	}
	snprintf(stamp, sizeof stamp, "%lld", atoll(first) - 1);
	assert_true(too_early(stamp) > atoll(first));
	too_early(first);
	snprintf(stamp, sizeof stamp, "%lld", too_early(first));
	assert_int_equal(fcall("take", "B v T %s", stamp), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(take_that_read_ahead_of_the_commit_changes_nothing),
		T(take_that_read_before_the_store_was_compared_changes_nothing),
		T(take_of_a_blob_whose_stamp_is_forgotten_needs_a_later_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
