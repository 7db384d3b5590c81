/*
 * Goal: the Function library alone, called as any program may call it: every transition, what it
 * leaves in Redis and in the outbox, every refusal, and the states in which a caller that died may
 * leave things.
 */
#include "functions_fixture.h"

/* Cases -------------------------------------------------------------------- */

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

static void stage_without_open_session_leaves_a_trap_for_its_chunk(void **state)
{
	(void)state;
	assert_int_equal(fcall("stage", "B up S 1 1 32 60000 d"), TG_ESESSION);
	chunk("B", 0, "bytes");
	assert_true(score("x:B:#1") > now_ms());
	assert_int_equal(fcall("abort", "B 1 0 0"), 0);
	assert_int_equal(redis_server_int(&redis, "DBSIZE"), 0);
}

/* A record's fields, in order: st u to s b n z at dl d p c ga ev, and tk w th ld cs ck ak kn. */
#define ABOUT_THE_EVIDENCE "...XXXXXX.X..........."
#define OF_A_TAKE "..............XX......"
#define OF_A_TOMBSTONE "XXX......X.XXX........"

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

#define LARGE 327000     /* bytes of a large chunk */
#define SLICE (16 << 20) /* what one call erases at most, or a chunk more: functions/base.lua */

static void large_chunks(const char *id, int n)
{
	static char bytes[LARGE];

	memset(bytes, 'x', sizeof bytes);
	for (int i = 0; i < n; i++)
		redis_server_run_cmd(
			&redis, "SET tg:{05}:c:%s:%d %b PX 100000", id, i, bytes, sizeof bytes);
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
		assert_true((before - chunks_left()) * LARGE <= SLICE + LARGE);
		before = chunks_left();
		assert_int_equal(fcall("session_close", "S up 1 10"), 0);
		calls++;
		assert_true(calls < 100);
	}
	assert_int_equal(chunks_left(), 0);
	assert_true(calls > 2 * 30LL * LARGE * 3 / SLICE);
	assert_int_equal(redis_server_keys(&redis, "tg:{05}:b:U*"), 0);
	/* What writes that come too late leave is wiped in half a second and in a minute; and what
	 * stood behind the refused stage. */
	assert_int_equal(number_at("ZCOUNT " DL " 2 %s", "+inf"), 2 * 6 + 1);
}

static int count_events(const char *text)
{
	redisReply *r = redis_server_do(&redis, "XRANGE tg:{05}:out - +");
	int n = 0;

	for (size_t i = 0; i < r->elements; i++)
		n += strncmp(r->element[i]->element[1]->element[1]->str, text, strlen(text)) == 0;
	freeReplyObject(r);
	return n;
}

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

/* Whatever Redis says: the call may fail half-way. */
static void attempt(const char *const words[], int n)
{
	const char *argv[16] = {"FCALL", words[0], "1", DL};

	for (int i = 1; i < n; i++)
		argv[3 + i] = words[i];
	freeReplyObject(redisCommandArgv(redis.c, 3 + n, argv, NULL));
}

static void attempt_while_denied(const char *command, const char *const call[])
{
	static const char *const reap_all[] = {"tg2_reap", "64"};
	int n = 0;

	while (n < 8 && call[n] != NULL)
		n++;
	redis_server_run_cmd(&redis, "ACL SETUSER default -%s", command);
	for (int i = 0; i < 2; i++) {
		attempt(call, n);
		attempt(reap_all, 2);
	}
	redis_server_run_cmd(&redis, "ACL SETUSER default +%s", command);
}

static void end_everything(void)
{
	for (int turns = 0; turns < 20; turns++) {
		redisReply *r = redis_server_do(&redis, "ZRANGE " DL " 0 -1");
		size_t n = r->elements;
		for (size_t i = 0; i < n; i++)
			redis_server_run_cmd(&redis, "ZADD " DL " 1 %s", r->element[i]->str);
		freeReplyObject(r);
		if (n == 0)
			return;
		reap(64);
	}
	fail_msg("something is never ended");
}

/* Redis does not roll back. Whatever command it refuses, in whatever call, while whatever is held:
 * nothing vanishes without an event, no end is told of twice, and once the right is back all of it
 * ends. */
static void command_denied_within_a_call_leaves_nothing_untold(void **state)
{
	static const char *const denied[] = {"set", "xadd", "unlink", "zrem", "zadd", "del", "hset",
		"xdel", "pexpire", "pexpireat", "strlen", "publish", "hincrby", "hdel", "exists",
		"getrange", "setrange", "rename"};
	static const char *const calls[][8] = {{"tg2_take", "P", "v", "T"},
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
			attempt_while_denied(denied[i], calls[k]);
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

/* Whoever ends something large, the reaper goes on with it, before everything else. */
static void end_of_a_large_blob_is_erased_in_slices(void **state)
{
	(void)state;
	assert_int_equal(fcall("stage", "B up %s 0 1 150 60000 d", ""), 0);
	large_chunks("B", 150);
	assert_int_equal(commit("B", "", 0, 150, 150 * LARGE, 100000, 0), 0);
	blob("C", "", 0, 1, 100);
	assert_int_equal(fcall("erase", "B up"), 0);
	assert_string_equal(field(1, 1), "gone");
	assert_int_equal(fcall("stat", "B"), 0);
	assert_string_equal(field(1, 1), "gone");
	while (chunks_left() > 1) {
		long long before = chunks_left();
		reap(1);
		assert_true((before - chunks_left()) * LARGE <= SLICE + LARGE);
		assert_true(before > chunks_left());
	}
	sleep_until(score("b:C"));
	reap(10);
	assert_int_equal(chunks_left(), 0);
	assert_int_equal(redis_server_keys(&redis, DL), 0);
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

/* The net stays at the blob's deadline; but who has a claim is told of it. */
static void claim_is_given_without_the_net(void **state)
{
	(void)state;
	blob("B", "", 0, 1, 100000);
	redis_server_run_cmd(&redis, "ACL SETUSER default -pexpireat");
	assert_int_equal(fcall("claim", "B v 30000 TH salt %s 0", "CK"), 0);
	redis_server_run_cmd(&redis, "ACL SETUSER default +pexpireat");
	assert_int_equal(fcall("claim_read", "B v TH"), 0);
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

/* What Redis's own expiry does to a blob of one chunk when no reaper comes in time. */
static void expire_unseen(const char *id)
{
	char key[32];

	snprintf(key, sizeof key, "tg:{05}:b:%s", id);
	redis_server_run_cmd(&redis, "DEL %s", key);
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

/* Another blob has taken the place meanwhile: it stays, and the first one's end is told of. (That
 * end changes no record, which the check of steps does not know.) */
static void blob_that_expired_unseen_does_not_end_its_successor(void **state)
{
	(void)state;
	redis_server_run_cmd(&redis, "FUNCTION LOAD REPLACE %b", store_functions_lua,
		(size_t)store_functions_lua_len);
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

static void stat_of_a_staged_blob_knows_nothing(void **state)
{
	(void)state;
	assert_int_equal(fcall("stage", "B up %s 0 1 2 60000 d", ""), 0);
	assert_int_equal(fcall("stat", "B"), TG_ENOENT);
	assert_int_equal(fcall("take", "B v T"), TG_ENOENT);
	assert_int_equal(fcall("erase", "B %s", ""), TG_ENOENT);
}

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
	redis_server_run_cmd(&redis, "FUNCTION LOAD REPLACE %b", store_functions_lua,
		(size_t)store_functions_lua_len);
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
		T(commit_live_sets_index_expiry_event_and_quota),
		T(commit_counts_from_the_first_byte),
		T(commit_bound_ends_with_its_session_at_the_latest),
		T(commit_with_a_chunk_missing_or_of_wrong_size_leaves_nothing),
		T(commit_of_many_chunks_that_was_reaped_is_refused),
		T(chunk_of_a_stalled_worker_far_into_an_upload_is_wiped),
		T(stage_without_open_session_leaves_a_trap_for_its_chunk),
		T(finish_tombstone_tells_cause_time_and_peers_alone),
		T(session_close_erases_bound_staged_and_live),
		T(session_end_erases_uploads_under_way_in_slices),
		T(command_denied_within_a_call_leaves_nothing_untold),
		T(end_of_a_large_blob_is_erased_in_slices),
		T(session_idle_ends_without_a_reaper),
		T(session_touch_moves_the_idle_clock_and_never_the_deadline),
		T(take_of_one_chunk_leaves_none_to_look_for),
		T(take_is_refused_to_who_is_not_addressed),
		T(take_by_who_may_not_read_or_erase_changes_nothing),
		T(take_refused_in_part_is_a_take_or_nothing),
		T(claim_is_given_without_the_net),
		T(close_with_all_that_is_broken_off_is_finished),
		T(take_of_many_chunks_lives_while_it_says_so),
		T(take_may_be_delivered_until_its_blob_is_unwanted),
		T(take_of_a_blob_whose_bytes_are_lost_says_gone),
		T(blob_that_expired_unseen_is_told_of_once),
		T(blob_that_expired_unseen_does_not_end_its_successor),
		T(end_that_was_refused_counts_from_its_deadline),
		T(abort_of_a_live_blob_needs_an_unknown_fate),
		T(stat_of_a_staged_blob_knows_nothing),
		T(reap_ends_sessions_blobs_and_orphans_in_order),
		T(functions_in_a_full_store_erase_but_do_not_store),
		T(reads_wait_until_the_store_was_compared),
		T(what_came_back_ends_again),
		T(outbox_keeps_every_event_until_it_is_trimmed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
