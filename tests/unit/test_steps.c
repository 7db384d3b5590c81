/*
 * Goal: the table of a blob's life (STEP in server/store/schema.def) is what the functions do, no
 * more and no less: each step is made here, and the library around which step_check.h stands
 * refuses every other.
 */
#include "functions_fixture.h"
#include "store/record.h"

#define FINGERPRINT "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa1111111111111111dddddddddddddddd"

/* An id that no step has used yet. Static storage. */
static const char *fresh(void)
{
	static char id[16];
	static int n;

	snprintf(id, sizeof id, "B%d", n++);
	return id;
}

static void claimed(const char *id, const char *sid, int bound)
{
	blob(id, sid, bound, 1, 100000);
	assert_int_equal(fcall("claim", "%s v 50000 TH %s %s 0", id, "", ""), 0);
}

static void taking(const char *id)
{
	blob(id, "", 0, 2, 100000);
	assert_int_equal(fcall("take", "%s v T", id), 0);
}

static void due(const char *id)
{
	char name[24];

	snprintf(name, sizeof name, "b:%s", id);
	make_due(name);
	reap(64);
}

/* Runs a call that Redis refuses within the function. */
static void refused(const char *denied, const char *call)
{
	redisReply *r;

	redis_server_run_cmd(&redis, "ACL SETUSER default -%s", denied);
	r = redisCommand(redis.c, call);
	assert_int_equal(r->type, REDIS_REPLY_ERROR);
	freeReplyObject(r);
	redis_server_run_cmd(&redis, "ACL SETUSER default +%s", denied);
}

/* Uploads ------------------------------------------------------------------ */

static int commit_named(const char *attempt, int n, const char *f)
{
	return fcall("commit", "%s up %s %s 0 %d %d 100000 0 %s %s %s %s", attempt, " v ", "", n,
		5 * n, "tag passport 0", "DNK -", n > 1 ? "1" : "0", f);
}

static void attempt(const char *name, int n)
{
	if (n > 1)
		assert_int_equal(
			fcall("stage", "%s up %s 0 1 2 60000 %s", name, "", "- passport 0"), 0);
	for (int i = 0; i < n && n > 1; i++)
		chunk(name, i, "bytes");
	if (n == 1)
		only_chunk(name, "bytes");
}

static void uploads(void)
{
	char live[1024];
	const char *id = fresh();

	blob(id, "", 0, 1, 100000); /* one chunk, and several */
	blob(fresh(), "", 0, 2, 100000);
	attempt("N1:T1", 1); /* under a chosen name */
	assert_int_equal(commit_named("N1:T1", 1, FINGERPRINT), 0);
	attempt("N1:T2", 1); /* it stood there before */
	assert_int_equal(commit_named("N1:T2", 1, FINGERPRINT), 0);
	attempt("N2:T1", 2);
	assert_int_equal(commit_named("N2:T1", 2, FINGERPRINT), 0);
	assert_int_equal(fcall("abort", "N2:T1 2 0 1"), 0); /* nobody was told: live > gone */
	attempt("N2:T2", 2);
	assert_int_equal(commit_named("N2:T2", 2, FINGERPRINT), 0); /* over it */
	attempt("N7:T1", 1);                                        /* the same of one chunk */
	assert_int_equal(commit_named("N7:T1", 1, FINGERPRINT), 0);
	assert_int_equal(fcall("abort", "N7:T1 1 0 1"), 0);
	attempt("N7:T2", 1);
	assert_int_equal(commit_named("N7:T2", 1, FINGERPRINT), 0);
	attempt("N3:T1", 2); /* and staged > nothing */
	assert_int_equal(fcall("abort", "N3:T1 2 0 0"), 0);
	attempt("N4:T1", 1);
	assert_int_equal(fcall("abort", "N4:T1 1 0 0"), 0);
	attempt("N5:T1", 1);
	assert_int_equal(commit_named("N5:T1", 2, FINGERPRINT), TG_ETIMEOUT);
	/* what a server has written as live, which gets its name */
	struct text t = text_in(live, sizeof live);
	record_text(&t,
		(const char *const[STORE_FIELDS]){
			[STORE_FIELD_STATE] = record_state_text(STORE_LIVE),
			[STORE_FIELD_UPLOADER] = "up",
			[STORE_FIELD_TO] = " v ",
			[STORE_FIELD_BOUND] = "0",
			[STORE_FIELD_CHUNKS] = "1",
			[STORE_FIELD_SIZE] = "5",
			[STORE_FIELD_STORED_AT] = "1",
			[STORE_FIELD_DEADLINE] = "9000000000000",
			[STORE_FIELD_DESC] = "tag passport 0",
			[STORE_FIELD_PRIVATE_DESC] = "DNK -",
			[STORE_FIELD_HEAD] = "384",
			[STORE_FIELD_ATTEMPT] = "T1",
			[STORE_FIELD_FINGERPRINT] = FINGERPRINT,
		});
	memset(live + strlen(live), ' ', STORE_HEAD_BYTES - strlen(live));
	memcpy(live + STORE_HEAD_BYTES, "bytes", 5);
	redis_server_run_cmd(
		&redis, "SET tg:{05}:b:N6:T1 %b PX 100000", live, (size_t)STORE_HEAD_BYTES + 5);
	assert_int_equal(fcall("put", "N6:T1 %s %s 9000000000000 100000", "b:N6\tup\t v \t5\ttag",
				 "e\tstored\td\ttag passport 0\tu\tup\tto\t v "
				 "\ts\t\tz\t5\tdl\t9000000000000\tat\t1"),
		0);
}

/* Reading ------------------------------------------------------------------ */

static void reads(void)
{
	const char *id = fresh();
	char call[96];

	blob(id, "", 0, 1, 100000);
	assert_int_equal(fcall("take", "%s v T", id), 0);
	id = fresh();
	taking(id);
	assert_int_equal(fcall("take_end", "%s T", id), 0);
	id = fresh();
	taking(id);
	assert_int_equal(fcall("erase", "%s %s", id, ""), 0);
	id = fresh();
	claimed(id, "", 0);
	assert_int_equal(fcall("ack", "%s v TH ok %s", id, ""), 0);
	id = fresh();
	claimed(id, "", 0);
	due(id);
	id = fresh();
	blob(id, "", 0, 2, 100000); /* of several chunks */
	assert_int_equal(fcall("claim", "%s v 50000 TH %s %s 0", id, "", ""), 0);
	id = fresh();
	blob(id, "", 0, 1, 100000);
	snprintf(call, sizeof call, "FCALL tg2_claim 1 " DL " %s v 50000 TH s k 0", id);
	refused("set", call);
	id = fresh();
	blob(id, "", 0, 2, 100000); /* its bytes are not there any more */
	redis_server_run_cmd(&redis, "DEL tg:{05}:c:%s:0 tg:{05}:c:%s:1", id, id);
	assert_int_equal(fcall("claim", "%s v 50000 TH %s %s 0", id, "", ""), TG_EGONE);
}

/* Ends --------------------------------------------------------------------- */

static void ends(void)
{
	const char *id = fresh();

	blob(id, "", 0, 1, 100000);
	due(id);
	id = fresh();
	blob(id, "", 0, 1, 100000); /* Redis's own expiry was first */
	redis_server_run_cmd(&redis, "DEL tg:{05}:b:%s", id);
	due(id);
	for (int state = 0; state < 2; state++) {
		id = fresh();
		if (state == 0)
			blob(id, "", 0, 1, 100000);
		else
			claimed(id, "", 0);
		assert_int_equal(fcall("erase", "%s %s", id, ""), 0);
	}
}

static void sessions(void)
{
	static const char *const field[] = {"idl", "dl", NULL};
	char sid[16];

	for (int how = 0; how < 3; how++) {
		snprintf(sid, sizeof sid, "S%d", how);
		assert_int_equal(session(sid, 100000, 200000), 0);
		blob(fresh(), sid, 1, 1, 100000);
		claimed(fresh(), sid, 1);
		if (field[how] == NULL) {
			assert_int_equal(fcall("session_close", "%s up 0 64", sid), 0);
			continue;
		}
		redis_server_run_cmd(&redis, "HSET tg:{05}:s:%s %s 1", sid, field[how]);
		assert_int_equal(fcall("session_touch", "%s up", sid), TG_EGONE);
	}
}

static void ends_again(void)
{
#define CAUSE_(name, text) text,
	static const char *const cause[] = {STORE_CAUSES(CAUSE_)};
#undef CAUSE_
	const char *id;

	for (size_t i = 0; i < sizeof cause / sizeof cause[0]; i++) {
		id = fresh();
		blob(id, "", 0, 1, 100000);
		assert_int_equal(fcall("end_again", "%s tag %s v %s", id, cause[i], ""), 0);
		id = fresh();
		claimed(id, "", 0);
		assert_int_equal(fcall("end_again", "%s tag %s v %s", id, cause[i], ""), 0);
	}
	id = fresh();
	taking(id);
	assert_int_equal(fcall("end_again", "%s tag expired v %s", id, ""), 0);
}

static void every_step_of_the_table_can_be_made(void **state)
{
	char missing[2048] = "";

	(void)state;
	uploads();
	reads();
	ends();
	sessions();
	ends_again();
	assert_int_equal(fcall("steps_seen", ""), 0);
	redisReply *r = redis_server_do(&redis, "FCALL tg2_steps_seen 1 " DL);
	for (char *line = strtok(r->str, "\n"); line != NULL; line = strtok(NULL, "\n"))
		if (strncmp(line, "0 ", 2) == 0)
			snprintf(missing + strlen(missing), sizeof missing - strlen(missing),
				"\n%s", line + 2);
	freeReplyObject(r);
	if (missing[0] != '\0')
		fail_msg("no call makes these steps (from|by|to|event|cause):%s", missing);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			every_step_of_the_table_can_be_made, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
