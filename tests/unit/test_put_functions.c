/*
 * Goal: the function that gives a record and chunk, which a server has written itself, their name:
 * it is a blob if the name is free, and nothing is left untold where Redis refuses a command.
 */
#include "functions_fixture.h"

/* What a server writes itself: an only chunk behind its record, without a session; and then asks to
 * give it its name. */
#define WRITTEN_RECORD \
	"live\tup\t v \t\t0\t1\t5\t1\t9000000000000\tnew passport 0\tDNK -\t\t\t\t384\n" \
	"\t\t\t\t\t\t\t\tT2\t" SAME "\n"
static const char *const put[] = {"tg2_put", "B:T2", "b:B\tup\t v \t5\tnew passport 0",
	"e\tstored\td\tnew passport 0\tu\tup\tto\t v \ts\t\tz\t5\tdl\t9000000000000\tat\t1",
	"9000000000000"};
#define PUT_N ((int)(sizeof put / sizeof *put))

static void write_live(void)
{
	char whole[STORE_HEAD_BYTES + 5];

	memset(whole, ' ', STORE_HEAD_BYTES);
	memcpy(whole, WRITTEN_RECORD, strlen(WRITTEN_RECORD));
	memcpy(whole + STORE_HEAD_BYTES, "bytes", 5);
	redis_server_run_cmd(&redis, "SET tg:{05}:b:B:T2 %b PX 30000", whole, sizeof whole);
}

/* As a server does: what put does not judge, commit does. */
static int put_written(void)
{
	const char *argv[24] = {"FCALL", put[0], "1", DL};
	redisReply *r;
	int err;

	memcpy(argv + 4, put + 1, sizeof put - sizeof *put);
	r = redisCommandArgv(redis.c, 3 + PUT_N, argv, NULL);
	assert_int_equal(r->type, REDIS_REPLY_STRING);
	err = -atoi(r->str);
	freeReplyObject(r);
	return err == 0 ? 0 : commit_under_name("B:T2", "up", "", 1, 5, SAME, "new");
}

static void put_of_what_a_server_has_written_is_a_blob_if_the_name_is_free(void **state)
{
	(void)state;
	write_live();
	assert_int_equal(put_written(), 0);
	assert_int_equal(redis_server_keys(&redis, "*B:T*"), 0);
	assert_int_equal(redis_server_int(&redis, "ZCARD " DL), 1);
	assert_int_equal(score("b:B"), 9000000000000);
	assert_int_equal(
		redis_server_int(&redis, "PEXPIRETIME tg:{05}:b:B"), 9000000000000 + NET_MS);
	for (int gone = 0; gone < 2; gone++) {
		write_live();
		assert_int_equal(put_written(), 0);
		assert_string_equal(last->element[2]->str, "1");
		assert_string_equal(field(1, 1), gone ? "gone" : "live");
		assert_int_equal(redis_server_int(&redis, "ZCARD " DL), !gone);
		assert_int_equal(chunks_left(), !gone);
		if (!gone)
			assert_int_equal(fcall("take", "B v T"), 0);
	}
	/* the tombstone of a take knows */
	assert_int_equal(fcall("named", "B up %s", HEAD_B LENGTH DIGEST), TG_ETAKEN);
	assert_int_equal(count_events("e\tstored\t"), 1);
	redis_server_run_cmd(&redis, "FLUSHALL");
	assert_int_equal(put_written(), TG_ESTORE); /* no chunk is there */
	assert_int_equal(redis_server_int(&redis, "DBSIZE"), 0);
	/* nobody was told of the first one: it is stored anew */
	write_live();
	assert_int_equal(put_written(), 0);
	assert_int_equal(fcall("abort", "B:T2 1 0 1"), 0);
	write_live();
	assert_int_equal(put_written(), 0);
	assert_string_equal(last->element[2]->str, "0");
	assert_string_equal(field(1, 1), "live");
	assert_int_equal(chunks_left(), 1);
}

/* Redis's own expiry has taken a blob of this name, and the reaper has not come yet. Whatever comes
 * under the name now, that end is told of, once, and its tombstone keeps the name; where so much is
 * due that it is not found, nobody gets the name. */
static void name_whose_blob_expired_unseen_is_not_free(void **state)
{
	(void)state;
	for (int before = 0; before <= 256; before += 256) {
		for (int same = 0; same < 2; same++) {
			redis_server_run_cmd(&redis, "FLUSHALL");
			only_chunk("B:T1", same ? "bytes" : "other bytes");
			assert_int_equal(
				commit_under_name("B:T1", "up", "", 1, same ? 5 : 11, SAME, "new"),
				0);
			make_due("b:B");
			redis_server_run_cmd(&redis, "DEL tg:{05}:b:B");
			for (int i = 0; i < before; i++)
				redis_server_run_cmd(&redis, "ZADD " DL " 0.5 x:%d:#1", i);
			write_live();
			assert_int_equal(put_written(), before > 0 ? TG_EINFLIGHT : TG_ETAKEN);
			assert_int_equal(redis_server_keys(&redis, "*B:T2*"), 0);
			assert_int_equal(
				fcall("idempotency_look", "B"), before > 0 ? TG_EINFLIGHT : 0);
			while (reap(16) > 0)
				;
			assert_int_equal(count_events("e\tstored\t"), 1);
			assert_int_equal(count_events("e\tgone\t"), 1);
			assert_string_equal(newest("c"), "expired");
			write_live();
			assert_int_equal(put_written(), TG_ETAKEN);
		}
	}
}

static void command_denied_within_a_put_leaves_nothing_untold(void **state)
{
	static const char *const denied[] = {
		"xadd", "unlink", "zrem", "zadd", "del", "renamenx", "pexpireat", "xdel"};

	(void)state;
	for (size_t i = 0; i < sizeof denied / sizeof *denied; i++) {
		redis_server_run_cmd(&redis, "FLUSHALL");
		write_live();
		call_while_denied(denied[i], put, PUT_N, 1);
		assert_int_equal(fcall("abort", "B:T2 1 0 1"), 0);
		end_everything();
		const int stored = count_events("e\tstored\td\tnew "),
			  ended = count_events("e\tgone\td\tnew ");
		if (stored != ended || chunks_left() != 0)
			fail_msg("without %s: stored %d times, ended %d, %lld chunks left",
				denied[i], stored, ended, chunks_left());
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(put_of_what_a_server_has_written_is_a_blob_if_the_name_is_free),
		T(name_whose_blob_expired_unseen_is_not_free),
		T(command_denied_within_a_put_leaves_nothing_untold),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
