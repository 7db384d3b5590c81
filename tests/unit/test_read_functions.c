/*
 * Goal: the functions of reading alone: take and stat, who may, what each leaves in Redis and in
 * the outbox, what is left when the reader is refused a command, and what a tombstone tells.
 */
#include "functions_fixture.h"

/* A record's fields, in order: st u to s b n z at dl d p c ga ev, and tk w th ld cs ck ak kn. */
#define ABOUT_THE_EVIDENCE "...XXXXXX.X..........."
#define OF_A_TAKE "..............XX......"
#define OF_A_TOMBSTONE "XXX......X.XXX........"

static void take_of_one_chunk_leaves_none_to_look_for(void **state)
{
	static const char *const sid[] = {"", "S"};

	(void)state;
	assert_int_equal(session("S", 60000, 100000), 0);
	for (int i = 0; i < 2; i++) {
		const char *id = i == 0 ? "A" : "B";
		blob(id, sid[i], i, 1, 100000);
		assert_int_equal(fcall("take", "%s v T", id), 0);
		assert_string_equal(field(1, 1), "live"); /* as it was */
		assert_string_equal(newest("e"), "gone");
		assert_string_equal(newest("c"), "consumed");
		assert_string_equal(newest("w"), "v");
		assert_int_equal(redis_server_chunks(&redis, "*"), 0);
		assert_int_equal(number_at("ZCARD " DL "%s", ""), 1); /* the session */
		assert_int_equal(fcall("take", "%s v T", id), TG_EGONE);
		assert_string_equal(field(1, 12), "consumed");
		assert_int_equal(fcall("take_end", "%s T", id), TG_EGONE);
	}
}

static void take_is_refused_to_who_is_not_addressed(void **state)
{
	(void)state;
	blob("B", "", 0, 1, 100000);
	assert_int_equal(fcall("take", "B stranger T"), TG_ENOENT);
	/* addressed to " v w ", not to an empty name */
	assert_int_equal(fcall("take", "B %s T", ""), TG_ENOENT);
	assert_int_equal(fcall("take", "Z v T"), TG_ENOENT);
	assert_int_equal(fcall("take", "B w T"), 0);
	/* nor does it learn that it is gone */
	assert_int_equal(fcall("take", "B stranger T"), TG_ENOENT);
}

/* The server learns why, and its client does not. */
static void take_refused_says_why_to_the_server(void **state)
{
	(void)state;
	blob("N", "", 0, 1, 100000);
	assert_int_equal(fcall("take", "N stranger T"), TG_ENOENT);
	assert_string_equal(last->element[1]->str, "not-addressed");
	assert_int_equal(fcall("take", "Z v T"), TG_ENOENT);
	assert_int_equal(last->elements, 1);
}

static void refused_tells_of_what_is_or_was_there(void **state)
{
	(void)state;
	blob("E", "", 0, 1, 100000);
	assert_int_equal(fcall("refused", "E stranger not-addressed 7 9 20"), 0);
	assert_string_equal(newest("e"), "refused");
	assert_string_equal(newest("t"), "tag");
	assert_string_equal(newest("w"), "stranger");
	assert_string_equal(newest("r"), "not-addressed");
	assert_string_equal(newest("fi"), "7");
	assert_string_equal(newest("la"), "9");
	assert_string_equal(newest("k"), "20");
	assert_int_equal(fcall("take", "E v T"), 0); /* nothing else has changed */
	assert_int_equal(fcall("refused", "E v second-fetch 7 9 1"), 0);
	assert_string_equal(newest("t"), "tag");
	assert_string_equal(newest("r"), "second-fetch");
	assert_int_equal(fcall("refused", "Z v second-fetch 7 9 2"), TG_ENOENT);
	assert_string_equal(newest("k"), "1");
	/* not later than the call, whatever the server thinks */
	assert_int_equal(fcall("refused", "%s v unknown 7 9999999999999 2", ""), 0);
	assert_string_equal(newest("fi"), "7");
	assert_in_range(atoll(newest("la")), now_ms() - 10000, now_ms());
	assert_string_equal(newest("t"), "");
	assert_string_equal(newest("k"), "2");
}

/* Of an upload under way nobody knows yet. */
static void refused_does_not_know_what_is_staged(void **state)
{
	(void)state;
	assert_int_equal(fcall("stage", "U up %s 0 1 2 60000 %s", "", "- passport 1"), 0);
	assert_int_equal(fcall("refused", "U v not-addressed 7 9 1"), TG_ENOENT);
	assert_int_equal(fcall("abort", "U 2 0 0"), 0);
}

static void take_by_who_may_not_read_or_erase_changes_nothing(void **state)
{
	static const char *const command[] = {"getrange", "set"};

	(void)state;
	blob("B", "", 0, 1, 100000);
	for (int i = 0; i < 2; i++) {
		redisReply *r;
		redis_server_run_cmd(&redis, "ACL SETUSER default -%s", command[i]);
		r = redisCommand(redis.c, "FCALL tg2_take 1 " DL " B v T");
		assert_int_equal(r->type, REDIS_REPLY_ERROR);
		freeReplyObject(r);
		redis_server_run_cmd(&redis, "ACL SETUSER default +%s", command[i]);
		assert_int_equal(redis_server_chunks(&redis, "B"), 1);
		assert_true(score("b:B") > now_ms());
	}
	assert_int_equal(fcall("take", "B v T"), 0);
}

/* Whatever one command is refused: its reader has the blob, or it is live as it was. Also of a
 * session, and of several chunks. */
static void take_refused_in_part_is_a_take_or_nothing(void **state)
{
	static const char *const command[] = {"get", "getrange", "setrange", "set", "unlink",
		"zadd", "zrem", "xadd", "hget", "hset", "hincrby", "exists", "time", "publish",
		"pexpireat"};

	(void)state;
	assert_int_equal(session("S", 60000, 100000), 0);
	for (size_t i = 0; i < 3 * sizeof command / sizeof command[0]; i++) {
		const char *right = command[i / 3];
		long long events;
		char name[12], *id = name + 2;
		redisReply *r;

		snprintf(name, sizeof name, "b:B%zu", i);
		blob(id, i % 3 == 1 ? "S" : "", i % 3 == 1, i % 3 == 2 ? 3 : 1, 100000);
		events = number_at("XLEN tg:{05}:out%s", "");
		redis_server_run_cmd(&redis, "ACL SETUSER default -%s", right);
		r = redisCommand(redis.c, "FCALL tg2_take 1 " DL " %s v T", id);
		redis_server_run_cmd(&redis, "ACL SETUSER default +%s", right);
		if (r->type == REDIS_REPLY_ERROR) {
			assert_int_equal(number_at("XLEN tg:{05}:out%s", ""), events);
			assert_true(score(name) > now_ms() + 90000);
			assert_int_equal(fcall("take", "%s v T", id), 0);
		} else {
			assert_memory_equal(r->str, "0\n", 2);
		}
		freeReplyObject(r);
		assert_int_equal(fcall("take", "%s v T", id), i % 3 == 2 ? TG_ECLAIMED : TG_EGONE);
	}
}

static void take_of_many_chunks_lives_while_it_says_so(void **state)
{
	(void)state;
	blob("B", "", 0, 3, 100000);
	assert_int_equal(fcall("take", "B v T"), 0);
	assert_string_equal(newest("e"), "taking");
	assert_true(score("b:B") <= now_ms() + 60000);
	assert_int_equal(fcall("take", "B w U"), TG_ECLAIMED);
	assert_int_equal(fcall("take_more", "B U"), TG_EGONE);
	make_due("b:B");
	assert_int_equal(fcall("take_more", "B T"), 0);
	assert_true(score("b:B") > now_ms() + 50000);
	assert_int_equal(fcall("take_end", "B U"), TG_EGONE);
	assert_int_equal(fcall("take_end", "B T"), 0);
	assert_string_equal(field(1, 12), "consumed");
	assert_string_equal(newest("c"), "consumed");
	assert_string_equal(newest("w"), "v");
	assert_int_equal(redis_server_chunks(&redis, "*"), 0);
	assert_int_equal(fcall("take_end", "B T"), TG_EGONE);

	/* It never lives past the blob's deadline. */
	blob("C", "", 0, 2, 700);
	assert_int_equal(fcall("take", "C v T"), 0);
	assert_int_equal(score("b:C"), atoll(field(1, 9)));
	sleep_until(score("b:C"));
	assert_int_equal(fcall("take_more", "C T"), TG_EGONE);
	assert_int_equal(redis_server_chunks(&redis, "*"), 0);
}

/* The blob is consumed, but its bytes may still be on their way. */
static void take_may_be_delivered_until_its_blob_is_unwanted(void **state)
{
	(void)state;
	session("S", 60000, 3600000);
	blob("A", "", 0, 1, 100000);
	assert_int_equal(fcall("take", "A v T"), 0);
	assert_int_equal(fcall("take_wanted", "A %s 0", ""), 0);
	assert_int_equal(fcall("erase", "A somebody"), TG_ENOENT);
	assert_int_equal(fcall("take_wanted", "A %s 0", ""), 0);
	assert_int_equal(fcall("erase", "A up"), TG_EGONE); /* what it is told is the truth */
	assert_int_equal(fcall("take_wanted", "A %s 0", ""), TG_EGONE);
	assert_string_equal(newest("c"), "consumed");
	assert_int_equal(said("tg:{05}:b:A", ABOUT_THE_EVIDENCE), 0);

	blob("B", "", 0, 3, 100000); /* erased half-way */
	assert_int_equal(fcall("take", "B v T"), 0);
	assert_int_equal(fcall("erase", "B up"), 0);
	assert_int_equal(fcall("take_wanted", "B %s 0", ""), TG_EGONE);

	blob("C", "S", 1, 1, 100000);
	blob("D", "S", 0, 1, 100000);
	assert_int_equal(fcall("take", "C v T"), 0);
	assert_int_equal(fcall("take", "D v T"), 0);
	assert_int_equal(fcall("take_wanted", "C S 1"), 0);
	assert_int_equal(fcall("session_close", "S up 0 10"), 0);
	assert_int_equal(fcall("take_wanted", "C S 1"), TG_EGONE);
	assert_int_equal(fcall("take_wanted", "D S 0"), 0);
	assert_int_equal(fcall("session_close", "S up 1 10"), 0);
	assert_int_equal(fcall("take_wanted", "D S 0"), TG_EGONE);
}

static void take_of_a_blob_whose_bytes_are_lost_says_gone(void **state)
{
	(void)state;
	blob("B", "", 0, 2, 100000);
	redis_server_run_cmd(&redis, "DEL tg:{05}:c:B:0");
	assert_int_equal(fcall("take", "B v T"), TG_EGONE);
	assert_string_equal(field(1, 12), "store-lost");
}

static void stat_of_a_staged_blob_knows_nothing(void **state)
{
	(void)state;
	assert_int_equal(fcall("stage", "B up %s 0 1 2 60000 d", ""), 0);
	assert_int_equal(fcall("stat", "B"), TG_ENOENT);
	assert_int_equal(fcall("take", "B v T"), TG_ENOENT);
	assert_int_equal(fcall("erase", "B %s", ""), TG_ENOENT);
}

static void finish_tombstone_tells_cause_time_and_peers_alone(void **state)
{
	static const char *const cause[] = {"consumed", "erased", "session-closed"};

	(void)state;
	assert_int_equal(fcall("session_open", "S up %s 60000 3600000", "pseudonym"), 0);
	for (int i = 0; i < 3; i++) {
		redis_server_run_cmd(&redis, "DEL tg:{05}:b:B");
		blob("B", "S", 1, 2 - i % 2, 100000);
		assert_int_equal(said("tg:{05}:b:B", ABOUT_THE_EVIDENCE), 7);
		if (i == 0) {
			assert_int_equal(fcall("take", "B v T"), 0);
			assert_int_equal(fcall("take_end", "B T"), 0);
		} else if (i == 1) {
			assert_int_equal(fcall("erase", "B up"), 0);
		} else {
			assert_int_equal(fcall("session_close", "S up 0 10"), 0);
		}
		/* who ended it is told the whole record */
		assert_string_equal(field(i < 2 ? 1 : 3, 12), cause[i]);
		/* but for issuer and digest, where the outcome of an ack would stand */
		assert_string_equal(field(i < 2 ? 1 : 3, 11), "");
		assert_int_equal(said("tg:{05}:b:B", ABOUT_THE_EVIDENCE), 0);
		assert_int_equal(said("tg:{05}:b:B", OF_A_TAKE), 0);
		assert_int_equal(said("tg:{05}:b:B", OF_A_TOMBSTONE), 7);
		assert_int_equal(fcall("take", "B w U"), TG_EGONE);
		assert_string_equal(field(1, 10), "tag");
		assert_string_equal(field(1, 12), cause[i]);
	}
	assert_int_equal(number_at("HEXISTS %s sj", "tg:{05}:s:S") +
			number_at("HEXISTS %s n", "tg:{05}:s:S") +
			number_at("HEXISTS %s z", "tg:{05}:s:S"),
		0);
	assert_int_equal(fcall("session_show", "S"), 0);
	assert_string_equal(field(1, 1), "closed");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(take_of_one_chunk_leaves_none_to_look_for),
		T(take_is_refused_to_who_is_not_addressed),
		T(take_refused_says_why_to_the_server),
		T(refused_tells_of_what_is_or_was_there),
		T(refused_does_not_know_what_is_staged),
		T(take_by_who_may_not_read_or_erase_changes_nothing),
		T(take_refused_in_part_is_a_take_or_nothing),
		T(take_of_many_chunks_lives_while_it_says_so),
		T(take_may_be_delivered_until_its_blob_is_unwanted),
		T(take_of_a_blob_whose_bytes_are_lost_says_gone),
		T(stat_of_a_staged_blob_knows_nothing),
		T(finish_tombstone_tells_cause_time_and_peers_alone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
