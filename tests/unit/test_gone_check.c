/*
 * Goal: an end in the outbox that never was is found, whatever it says of its blob; and an honest
 * one, also one whose id another blob has by now, is never taken for it. Against a real Redis.
 */
#include <sodium.h>
#include "check.h"
#include "recorder/gone_check.h"
#include "store_fixture.h"
#include "test_dir.h"

static struct ledger *ledger;
static struct gone_check *check;
static uint8_t secret[CHAIN_SECRET];

static int begin_all(void **state)
{
	const struct ledger_opts o = {.path = "audit.log",
		.secret = secret,
		.rotate_bytes = UINT64_MAX,
		.rotate_s = UINT32_MAX};
	struct world *w;

	if (test_dir_make(state) != 0 || chdir(test_dir) != 0 || setup(state) != 0)
		return -1;
	w = *state;
	ledger = ledger_new(&o);
	assert_non_null(ledger);
	assert_int_equal(ledger_open(ledger), 0);
	check = gone_check_new(w->store, ledger);
	assert_non_null(check);
	return 0;
}

static int end_everything(void **state)
{
	gone_check_free(check);
	ledger_free(ledger);
	return teardown(state) != 0 || chdir("/") != 0 || remove_folder(test_dir) != 0;
}

/* Events ------------------------------------------------------------------- */

/* An entry of an outbox, as the recorder reads it. */
struct told {
	struct outbox_event event;
	struct entry entry;
	char text[1024];
};

static unsigned shard_of_id(const char *id)
{
	return (unsigned)token_shard(id, TOKEN_LEN);
}

static void split(struct told *t)
{
	char *rest = t->text, *part;
	size_t n = 0;

	while ((part = strsep(&rest, "\t")) != NULL)
		t->event.part[n++] = (struct chain_text){part, strlen(part)};
	t->event.n = n / 2;
	t->event.packed = true;
}

/* Reads the newest entry of a shard's outbox. */
static void read_newest(struct world *w, unsigned shard, struct told *t)
{
	redisReply *r = redis_server_do(&w->redis, "XREVRANGE tg:{%02x}:out + - COUNT 1", shard);
	const redisReply *entry;

	assert_int_equal(r->elements, 1);
	entry = r->element[0];
	*t = (struct told){.event = {.shard = shard}};
	assert_int_equal(
		chain_pos_parse(entry->element[0]->str, entry->element[0]->len, &t->event.pos), 0);
	snprintf(t->text, sizeof t->text, "%s", entry->element[1]->element[1]->str);
	freeReplyObject(r);
	split(t);
	entry_fill(&t->entry, &t->event);
}

/* What a thief of the store writes: that a blob ended. named: the id in it; NULL: none. */
static void forge(struct world *w, const char *id, const char *named, struct told *t)
{
	const unsigned shard = shard_of_id(id);
	char tag[TOKEN_TAG_LEN + 1], text[512];
	redisReply *r;

	token_tag(id, tag);
	snprintf(text, sizeof text, "e\tgone\td\t%s liveness 0\tc\tconsumed\tu\tuploader%s%s", tag,
		named != NULL ? "\tb\t" : "", named != NULL ? named : "");
	r = redis_server_do(&w->redis, "XADD tg:{%02x}:out * p %b", shard, text, strlen(text));
	assert_int_equal(r->type, REDIS_REPLY_STRING);
	freeReplyObject(r);
	read_newest(w, shard, t);
}

/* Lets the check have the events of a batch, waits for the answers, and writes the batch. Returns
 * how many ends are recorded as false. */
static unsigned checked(struct world *w, const struct told *t, size_t n)
{
	uint64_t found;

	for (size_t i = 0; i < n; i++)
		assert_int_equal(gone_check_event(check, &t[i].event, &t[i].entry), 0);
	gone_check_end(check);
	fence(w);
	found = ledger_next(ledger)->n - ledger_mark(ledger)->n;
	assert_int_equal(ledger_commit(ledger), 0);
	gone_check_drop(check);
	return (unsigned)found;
}

/* The file's last line says that this event is false. */
static void assert_last_line(const struct told *t, const char *reason)
{
	char line[1024] = "", wanted[256];
	FILE *f = fopen("audit.log", "r");

	assert_non_null(f);
	while (fgets(line, sizeof line, f) != NULL)
		;
	fclose(f);
	snprintf(wanted, sizeof wanted, "\"more\":{\"of\":\"%s\",\"reason\":\"%s\"}", t->entry.id,
		reason);
	assert_non_null(strstr(line, "\"event\":\"false-gone\""));
	assert_non_null(strstr(line, wanted));
	snprintf(wanted, sizeof wanted, "\"tag\":\"%.*s\"", (int)t->entry.record.tag.n,
		t->entry.record.tag.p);
	assert_non_null(strstr(line, wanted));
}

static void put(struct world *w, char id[TOKEN_LEN + 1], size_t bytes)
{
	struct store_put_opts o = put_opts("", false);

	assert_int_equal(upload(w, &o, bytes), 0);
	strcpy(id, w->blob.id);
}

/* Cases -------------------------------------------------------------------- */

static void end_of_a_blob_that_is_still_there_is_false(void **state)
{
	char small[TOKEN_LEN + 1], large[TOKEN_LEN + 1];
	struct told t[2];

	put(*state, small, 300);
	put(*state, large, 300000);
	forge(*state, small, small, &t[0]);
	assert_int_equal(checked(*state, t, 1), 1);
	assert_last_line(&t[0], "still-there");
	forge(*state, large, large, &t[0]);
	forge(*state, large, large, &t[1]);
	assert_int_equal(checked(*state, t, 2), 2);
	assert_last_line(&t[1], "still-there");
}

static void end_that_was_is_not(void **state)
{
	struct world *w = *state;
	char id[TOKEN_LEN + 1];
	struct told t;

	put(w, id, 300);
	assert_int_equal(take(w, id, "verifier"), 0);
	read_newest(w, shard_of_id(id), &t);
	assert_true(chain_is(t.entry.record.event, "gone"));
	assert_int_equal(checked(w, &t, 1), 0);
	put(w, id, 300000);
	assert_int_equal(store_blob_erase(w->store, id, "uploader", on_blob, w), 0);
	loop_until_stop(w->loop);
	read_newest(w, shard_of_id(id), &t);
	assert_int_equal(checked(w, &t, 1), 0);
}

static void end_that_does_not_name_its_blob_is_false(void **state)
{
	char id[TOKEN_LEN + 1], other[TOKEN_LEN + 1], elsewhere[TOKEN_LEN + 1];
	const char *named[] = {NULL, "x", other, elsewhere, "3f AAAAAAAAAAAAAAAAAAAAA"};
	struct told t;

	put(*state, id, 300);
	token_make(shard_of_id(id), other);
	memcpy(elsewhere, id, sizeof elsewhere);
	elsewhere[1] = elsewhere[1] == '0' ? '1' : '0';
	for (size_t i = 0; i < sizeof named / sizeof *named; i++) {
		forge(*state, id, named[i], &t);
		assert_int_equal(checked(*state, &t, 1), 1);
		assert_last_line(&t, "no-id");
	}
}

/* More ids than fit into the first piece of memory, of all shards: each is asked about. */
static void every_end_of_a_batch_is_checked(void **state)
{
	enum { LIVE = 64, ALL = 8 * LIVE };
	static struct told t[ALL];
	static char id[ALL][TOKEN_LEN + 1];
	size_t n = 0;

	for (size_t i = 0; i < ALL; i++) {
		if (i % 8 == 0)
			put(*state, id[i], 300);
		else
			token_make((unsigned)i % TOKEN_SHARDS, id[i]);
	}
	for (unsigned shard = 0; shard < TOKEN_SHARDS; shard++)
		for (size_t i = 0; i < ALL; i++)
			if (shard_of_id(id[i]) == shard)
				forge(*state, id[i], id[i], &t[n++]);
	assert_int_equal(n, ALL);
	assert_int_equal(checked(*state, t, n), LIVE);
}

/* Redis itself removes a blob whose end could not be told, and whose entry in the index was moved
 * for that; its name is used again; only then its end is told. */
static void end_that_is_told_late_is_not_taken_for_one_of_its_successor(void **state)
{
	struct world *w = *state;
	struct store_put_opts o = put_opts("", false);
	char id[TOKEN_LEN + 1];
	unsigned shard;
	redisReply *r;
	struct told t;

	random_name(o.desc.name);
	assert_int_equal(upload(w, &o, 300), 0);
	strcpy(id, w->blob.id);
	shard = shard_of_id(id);
	r = redis_server_do(&w->redis, "ZRANGE tg:{%02x}:dl 0 0", shard);
	assert_int_equal(r->elements, 1);
	freeReplyObject(redis_server_do(
		&w->redis, "ZADD tg:{%02x}:dl 9999999999999 %s\t@1", shard, r->element[0]->str));
	freeReplyObject(
		redis_server_do(&w->redis, "ZREM tg:{%02x}:dl %s", shard, r->element[0]->str));
	freeReplyObject(redis_server_do(&w->redis, "DEL tg:{%02x}:b:%s", shard, id));
	assert_int_equal(upload(w, &o, 500), 0);
	assert_string_equal(w->blob.id, id);
	freeReplyObject(redis_server_do(
		&w->redis, "ZADD tg:{%02x}:dl XX 1 %s\t@1", shard, r->element[0]->str));
	freeReplyObject(r);
	assert_int_equal(store_reap(w->store, shard, 10, 0, on_reap, w), 0);
	loop_until_stop(w->loop);
	assert_int_equal(w->reaped.erased, 1);
	read_newest(w, shard, &t);
	assert_true(chain_is(t.entry.record.cause, "expired"));
	assert_int_equal(checked(w, &t, 1), 0);
	t.event.pos.ms -= 60000; /* also of one before that */
	assert_int_equal(checked(w, &t, 1), 0);
	forge(w, id, id, &t); /* another one is none the less */
	assert_int_equal(checked(w, &t, 1), 1);
	assert_int_equal(take(w, id, "verifier"), 0);
}

static void answer_to_a_batch_that_was_dropped_adds_nothing(void **state)
{
	struct world *w = *state;
	char id[TOKEN_LEN + 1];
	struct told t;

	put(w, id, 300);
	forge(w, id, id, &t);
	assert_int_equal(gone_check_event(check, &t.event, &t.entry), 0);
	gone_check_end(check);
	gone_check_drop(check);
	fence(w);
	assert_int_equal(ledger_next(ledger)->n, ledger_mark(ledger)->n);
	assert_int_equal(checked(w, &t, 1), 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin_all, end_everything)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(end_of_a_blob_that_is_still_there_is_false),
		TEST(end_that_was_is_not),
		TEST(end_that_does_not_name_its_blob_is_false),
		TEST(every_end_of_a_batch_is_checked),
		TEST(end_that_is_told_late_is_not_taken_for_one_of_its_successor),
		TEST(answer_to_a_batch_that_was_dropped_adds_nothing),
	};
	uint8_t public[CHAIN_KEY];

	if (sodium_init() < 0)
		return 1;
	crypto_sign_keypair(public, secret);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
