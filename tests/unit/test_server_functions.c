/*
 * Goal: what holds for all functions: in a store that refuses commands, is full, was not compared
 * with the evidence, or brings back what had ended; and that the outbox keeps every event.
 */
#include "functions_fixture.h"

#define CALL_WORDS 8

/* A live blob whose events can be told from others': its tag is its id. */
static void named_blob(const char *id, const char *sid, int bound, int n)
{
	char desc[32];

	snprintf(desc, sizeof desc, "%s passport 0", id);
	if (n > 1)
		assert_int_equal(
			fcall("stage", "%s up %s %d 1 %d 60000 %s", id, sid, bound, n, desc), 0);
	for (int i = 0; i < n && n > 1; i++)
		chunk(id, i, "bytes");
	if (n == 1)
		only_chunk(id, "bytes");
	assert_int_equal(fcall("commit", "%s up %s %s %d %d %d 100000 0 %s %s %d", id, " v ", sid,
				 bound, n, 5 * n, desc, "DNK -", n > 1),
		0);
}

static int words(const char *const call[CALL_WORDS])
{
	int n = 0;

	while (n < CALL_WORDS && call[n] != NULL)
		n++;
	return n;
}

/* Redis does not roll back. Whatever command it refuses, in whatever call, while whatever is held:
 * nothing vanishes without an event, no end is told of twice, and once the right is back all of it
 * ends. */
static void command_denied_within_a_call_leaves_nothing_untold(void **state)
{
	static const char *const denied[] = {"set", "xadd", "unlink", "zrem", "zadd", "del", "hset",
		"xdel", "pexpire", "pexpireat", "strlen", "publish", "hincrby", "hdel", "exists",
		"getrange", "setrange", "rename"};
	static const char *const calls[][CALL_WORDS] = {{"tg2_take", "P", "v", "T"},
		{"tg2_take", "M", "v", "T"}, {"tg2_take", "B", "v", "T"},
		{"tg2_claim", "M", "v", "60000", "TH", "", "", "0"},
		{"tg2_ack", "K", "v", "TH", "ok", ""}, {"tg2_erase", "L", "up"},
		{"tg2_abort", "U", "2", "0", "0"}, {"tg2_session_close", "S", "up", "1", "10"},
		{"tg2_reap", "64"}};
	static const char *const held[] = {"P", "M", "B", "L", "K", "D"};
	char text[32];

	(void)state;
	for (size_t i = 0; i < sizeof denied / sizeof *denied; i++)
		for (size_t k = 0; k < sizeof calls / sizeof *calls; k++) {
			redis_server_run_cmd(&redis, "FLUSHALL");
			session("S", 60000, 3600000);
			named_blob("P", "", 0, 1);
			named_blob("M", "", 0, 2);
			named_blob("B", "S", 1, 1);
			named_blob("L", "S", 1, 2);
			named_blob("D", "", 0, 1);
			make_due("b:D");
			named_blob("K", "", 0, 2);
			assert_int_equal(fcall("claim", "K v 60000 TH %s %s 0", "", ""), 0);
			assert_int_equal(
				fcall("stage", "U up S 1 1 2 60000 %s", "U passport 0"), 0);
			chunk("U", 0, "bytes");
			call_while_denied(denied[i], calls[k], words(calls[k]), 2);
			end_everything();
			for (size_t b = 0; b < sizeof held / sizeof *held; b++) {
				snprintf(text, sizeof text, "e\tgone\td\t%s ", held[b]);
				if (count_events(text) != 1)
					fail_msg("without %s, %s %s: %d ends of %s", denied[i],
						calls[k][0], calls[k][1], count_events(text),
						held[b]);
			}
			if (count_events("e\taborted\td\tU ") != 1 ||
				count_events("e\tsession-end\t") != 1 || chunks_left() != 0)
				fail_msg("without %s, %s: %d aborted, %d session's ends, %lld "
					 "chunks",
					denied[i], calls[k][0], count_events("e\taborted\td\tU "),
					count_events("e\tsession-end\t"), chunks_left());
		}
}

static void functions_in_a_full_store_erase_but_do_not_store(void **state)
{
	static const char *const refused[] = {"FCALL tg2_session_open 1 " DL " T up x 1000 1000",
		"FCALL tg2_stage 1 " DL " X up S 0 1 2 1000 d",
		"FCALL tg2_commit 1 " DL " B up v S 0 1 5 1000 0 d p 0"};

	(void)state;
	session("S", 60000, 3600000);
	blob("B", "S", 1, 2, 100000);
	blob("C", "", 0, 1, 100000);
	blob("D", "", 0, 3, 100000);
	blob("E", "", 0, 1, 100000);
	blob("F", "", 0, 1, 1);
	redis_server_run_cmd(&redis, "CONFIG SET maxmemory 1");
	for (size_t i = 0; i < 3; i++) {
		redisReply *r = redisCommand(redis.c, refused[i]);
		assert_int_equal(r->type, REDIS_REPLY_ERROR);
		assert_memory_equal(r->str, "OOM ", 4);
		freeReplyObject(r);
	}
	assert_int_equal(fcall("session_touch", "S up"), 0);
	assert_int_equal(fcall("session_show", "S"), 0);
	assert_int_equal(fcall("take", "C v T"), 0);
	assert_int_equal(fcall("take", "D v T"), 0);
	assert_int_equal(fcall("take_more", "D T"), 0);
	assert_int_equal(fcall("take_end", "D T"), 0);
	assert_int_equal(fcall("erase", "E up"), 0);
	assert_int_equal(fcall("session_close", "S up 1 10"), 0);
	assert_int_equal(fcall("abort", "G 3 1000 0"), 0);
	sleep_until(now_ms() + 2); /* F's time is over */
	reap(10);
	assert_int_equal(redis_server_chunks(&redis, "*"), 0);
}

/* Another life of this Redis: what the replica, or the Redis that was started anew, begins with. */
static void reads_wait_until_the_store_was_compared(void **state)
{
	static const char *const reads[] = {
		"take", "claim", "claim_read", "ack", "stat", "session_show", "idempotency_look"};

	(void)state;
	session("S", 60000, 3600000);
	blob("B", "S", 1, 1, 60000);
	blob("C", "", 0, 1, 60000);
	assert_int_equal(fcall("claim", "C v 60000 th - - 0"), 0);
	load_unchecked_library();
	for (size_t i = 0; i < sizeof reads / sizeof *reads; i++)
		assert_int_equal(fcall(reads[i], "B v th ok - - 0"), TG_ECOMPARE);
	assert_int_equal(fcall("compared", "guessed"), TG_ECOMPARE);
	assert_int_equal(fcall("take", "B v T"), TG_ECOMPARE);
	assert_int_equal(fcall("erase", "C up"), 0);
	blob("D", "", 0, 1, 60000);
	redis_server_compared(&redis);
	assert_int_equal(fcall("take", "B v T"), 0);
	assert_int_equal(fcall("stat", "C"), 0);
	assert_int_equal(fcall("session_show", "S"), 0);
}

/* What the evidence says has ended, and stands here again: told by the index, ended as it was, and
 * said to be such an end. */
static void what_came_back_ends_again(void **state)
{
	char h[64];

	(void)state;
	session("S", 60000, 3600000);
	blob("B", "", 0, 1, 60000);
	blob("M", "S", 1, 3, 60000);
	assert_int_equal(fcall("claim", "M v 60000 th - - 0"), 0);
	assert_int_equal(fcall("stage", "G up %s 0 1 3 60000 %s", "", "- passport 1"), 0);
	assert_int_equal(fcall("standing", "0 100"), 0);
	assert_string_equal(last->element[1]->str, "0");
	assert_int_equal(last->elements, 5);
	assert_int_equal(fcall("end_again", "B other consumed v ok"), TG_ENOENT);
	assert_int_equal(fcall("end_again", "B tag consumed v ok"), 0);
	assert_string_equal(newest("again"), "1");
	assert_string_equal(newest("c"), "consumed");
	assert_string_equal(newest("w"), "v");
	assert_string_equal(newest("o"), "ok");
	assert_int_equal(fcall("end_again", "B tag consumed v ok"), TG_ENOENT);
	assert_int_equal(fcall("take", "B v T"), TG_EGONE);
	assert_int_equal(fcall("end_again", "M tag erased op %s", ""), 0);
	assert_int_equal(redis_server_chunks(&redis, "*"), 0);
	assert_int_equal(fcall("standing", "0 100"), 0);
	assert_int_equal(last->elements, 3);
	assert_string_equal(field(2, 1), "S");
	snprintf(h, sizeof h, "%s", field(2, 2));
	assert_int_equal(fcall("session_end_again", "S x session-closed"), TG_ENOENT);
	assert_int_equal(fcall("session_end_again", "S %s session-closed", h), 0);
	assert_int_equal(fcall("standing", "0 100"), 0);
	assert_int_equal(last->elements, 2);
	assert_int_equal(fcall("session_touch", "S up"), TG_EGONE);
	assert_string_equal(field(1, 1), "closed");
}

static void outbox_keeps_every_event_until_it_is_trimmed(void **state)
{
	(void)state;
	for (int i = 0; i < 101000; i++)
		redisAppendCommand(redis.c, "XADD tg:{05}:out * e x");
	for (int i = 0; i < 101000; i++) {
		void *r = NULL;
		assert_int_equal(redisGetReply(redis.c, &r), REDIS_OK);
		freeReplyObject(r);
	}
	session("S", 60000, 3600000);
	assert_int_equal(redis_server_int(&redis, "XLEN tg:{05}:out"), 101001);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(command_denied_within_a_call_leaves_nothing_untold),
		T(functions_in_a_full_store_erase_but_do_not_store),
		T(reads_wait_until_the_store_was_compared),
		T(what_came_back_ends_again),
		T(outbox_keeps_every_event_until_it_is_trimmed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
