/*
 * Goal: against a real Redis: events are read in order and in full, from where one was; what is
 * recorded, and nothing else, is trimmed; a look tells how far an outbox has come; of two recorders
 * one has the lease, and the next one learns what the one before declared.
 */
#include "redis_server.h"
#include <sodium.h>
#include <timeglas/errors.h>
#include "store/outbox.h"
#include "store/store.h"

static struct redis_server redis;
static struct loop *loop;
static struct store *store;
static struct outbox *outbox;

/* What the callbacks were told last. */
static int err;
static struct outbox_lease lease;
static struct {
	unsigned shard;
	struct chain_pos pos;
	size_t n;
	char name[16], value[32];
	size_t value_n;
} got[1024];
static size_t n_got;
static bool full;
static struct {
	struct chain_pos last;
	size_t entries;
	bool full;
} looked[TOKEN_SHARDS];
static unsigned looks, trimmed;

/* All of them, and as many as it said. */
static void take(struct outbox_batch *b)
{
	const size_t before = n_got;
	const int count = outbox_count(b);
	struct chain_text name, value;
	struct outbox_event e;

	while (outbox_next(b, &e)) {
		assert_true(n_got < 1024);
		outbox_field(&e, 0, &name, &value);
		assert_true(name.n < sizeof got->name && value.n < sizeof got->value);
		got[n_got].shard = e.shard;
		got[n_got].pos = e.pos;
		got[n_got].n = e.n;
		memset(got[n_got].name, 0, sizeof got->name);
		memcpy(got[n_got].name, name.p, name.n);
		memcpy(got[n_got].value, value.p, value.n);
		got[n_got++].value_n = value.n;
	}
	assert_int_equal(n_got - before, count);
}

static void on_events(void *ctx, int e, struct outbox_batch *b)
{
	(void)ctx;
	err = e;
	assert_int_equal(e == 0, b != NULL);
	full = false;
	if (b != NULL) {
		full = outbox_full(b);
		take(b);
	}
	loop_stop(loop);
}

static void on_lease(void *ctx, int e, const struct outbox_lease *l)
{
	(void)ctx;
	err = e;
	if (l != NULL)
		lease = *l;
	loop_stop(loop);
}

static void on_look(void *ctx, int e, const struct outbox_look *k)
{
	(void)ctx;
	err = e;
	looks++;
	if (k != NULL) {
		n_got = 0;
		full = outbox_full(k->b);
		take(k->b);
		looked[k->shard].last = k->last;
		looked[k->shard].entries = n_got;
		looked[k->shard].full = full;
	}
	if (k == NULL || k->left == 0)
		loop_stop(loop);
}

static void on_trimmed(void *ctx, int e)
{
	(void)ctx;
	err = e;
	trimmed++;
	loop_stop(loop);
}

static void on_up(struct store *s, void *ctx)
{
	(void)s, (void)ctx;
	loop_stop(loop);
}

static int setup(void **state)
{
	static const struct store_calls calls = {.on_up = on_up};
	static const struct outbox_calls outbox_calls = {on_events, on_lease, on_look, on_trimmed};
	char why[128];

	(void)state;
	redis_server_start(&redis);
	loop = loop_new();
	assert_non_null(loop);
	store = store_new(loop, redis.url, &calls, NULL, why, sizeof why);
	assert_non_null(store);
	outbox = outbox_new(store, &outbox_calls, NULL);
	assert_non_null(outbox);
	loop_until_stop(loop);
	n_got = 0;
	looks = trimmed = 0;
	memset(looked, 0, sizeof looked);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	outbox_free(outbox);
	store_free(store);
	loop_free(loop);
	redis_server_stop(&redis);
	return 0;
}

static void add(unsigned shard, const char *id, const char *value)
{
	redis_server_run_cmd(&redis, "XADD tg:{%02x}:out %s e %s", shard, id, value);
}

static long long held(unsigned shard)
{
	char cmd[32];

	snprintf(cmd, sizeof cmd, "XLEN tg:{%02x}:out", shard);
	return redis_server_int(&redis, cmd);
}

static void read_from(const struct chain_pos pos[TOKEN_SHARDS], unsigned count, unsigned block_ms)
{
	n_got = 0;
	assert_int_equal(outbox_read(outbox, pos, count, block_ms), 0);
	loop_until_stop(loop);
}

static void read_gives_what_lies_behind_each_position(void **state)
{
	struct chain_pos pos[TOKEN_SHARDS] = {0};

	(void)state;
	add(0, "5-0", "a");
	add(0, "5-1", "b");
	add(0, "6-0", "c");
	add(63, "18446744073709551615-18446744073709551614", "d");
	redis_server_run_cmd(&redis, "XADD tg:{07}:out 9-9 e %b f g", "\0\"\xff", (size_t)3);
	pos[0] = (struct chain_pos){5, 0};
	read_from(pos, 100, 0);
	assert_int_equal(err, 0);
	assert_int_equal(n_got, 4);
	assert_false(full);
	assert_string_equal(got[0].value, "b");
	assert_true(got[1].shard == 0 && got[1].pos.ms == 6 && got[1].pos.seq == 0);
	assert_true(got[2].shard == 7 && got[2].n == 2 && got[2].value_n == 3 &&
		memcmp(got[2].value, "\0\"\xff", 3) == 0);
	assert_true(got[3].shard == 63 && got[3].pos.ms == UINT64_MAX &&
		got[3].pos.seq == UINT64_MAX - 1);
}

static void read_count_holds_for_each_shard(void **state)
{
	struct chain_pos pos[TOKEN_SHARDS] = {0};
	char id[16];

	(void)state;
	for (unsigned i = 1; i <= 5; i++) {
		snprintf(id, sizeof id, "%u-0", i);
		add(1, id, "x");
		if (i <= 2)
			add(2, id, "y");
	}
	read_from(pos, 3, 0);
	assert_true(full);
	assert_int_equal(n_got, 5);
	pos[1] = (struct chain_pos){3, 0};
	pos[2] = (struct chain_pos){2, 0};
	read_from(pos, 3, 0);
	assert_false(full);
	assert_int_equal(n_got, 2);
	assert_int_equal(got[0].pos.ms, 4);
}

static void read_waits_and_comes_back_empty(void **state)
{
	const struct chain_pos pos[TOKEN_SHARDS] = {{0, 0}};

	(void)state;
	read_from(pos, 10, 30);
	assert_int_equal(err, 0);
	assert_int_equal(n_got, 0);
	assert_false(full);
	read_from(pos, 10, 0);
	assert_int_equal(n_got, 0);
	assert_int_equal(outbox_read(outbox, pos, 10, 2000), 0);
	add(9, "1-1", "now");
	loop_until_stop(loop);
	assert_int_equal(n_got, 1);
	assert_string_equal(got[0].value, "now");
}

static void read_broken_connection_is_told(void **state)
{
	const struct chain_pos pos[TOKEN_SHARDS] = {{0, 0}};

	(void)state;
	assert_int_equal(outbox_read(outbox, pos, 10, 2000), 0);
	redis_server_run_cmd(&redis, "CLIENT KILL TYPE normal SKIPME yes");
	loop_until_stop(loop);
	assert_int_equal(err, TG_ESTORE);
	assert_int_equal(outbox_read(outbox, pos, 10, 0), TG_ESTORE);
	assert_int_equal(outbox_trim(outbox, 0, &pos[0]), TG_ESTORE);
	assert_int_equal(outbox_look(outbox, pos), 0); /* nothing to ask about */
}

static void trim_forgets_up_to_the_position_and_no_further(void **state)
{
	(void)state;
	add(3, "5-0", "a");
	add(3, "5-1", "b");
	add(3, "5-2", "c");
	add(3, "6-18446744073709551615", "d");
	add(3, "7-0", "e");
	add(4, "1-1", "other");
	assert_int_equal(outbox_trim(outbox, 3, &(struct chain_pos){5, 1}), 0);
	loop_until_stop(loop);
	assert_int_equal(err, 0);
	assert_int_equal(held(3), 3);
	assert_int_equal(outbox_trim(outbox, 3, &(struct chain_pos){6, UINT64_MAX}), 0);
	/* an outbox that was never there */
	assert_int_equal(outbox_trim(outbox, 5, &(struct chain_pos){1, 1}), 0);
	loop_until_stop(loop);
	assert_int_equal(trimmed, 2);
	assert_int_equal(held(3), 1);
	assert_int_equal(held(4), 1);
}

static void trim_refused_is_told_once(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 5; i++)
		add(i, "1-1", "x");
	redis_server_run_cmd(&redis, "ACL SETUSER default -xtrim");
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(outbox_trim(outbox, i, &(struct chain_pos){1, 1}), 0);
	loop_until_stop(loop);
	assert_int_equal(err, TG_ESTORE);
	redis_server_run_cmd(&redis, "ACL SETUSER default +xtrim");
	assert_int_equal(outbox_trim(outbox, 0, &(struct chain_pos){1, 1}), 0);
	loop_until_stop(loop);
	assert_int_equal(trimmed, 2);
	assert_int_equal(err, 0);
	assert_int_equal(held(0), 0);
	assert_int_equal(held(1), 1);
}

static void look_tells_how_far_an_outbox_has_come(void **state)
{
	struct chain_pos pos[TOKEN_SHARDS] = {0};

	(void)state;
	add(1, "5-0", "a");
	add(1, "6-0", "b");
	add(1, "8-0", "c");
	add(2, "5-0", "gone");
	redis_server_run_cmd(&redis, "XTRIM tg:{02}:out MAXLEN 0");
	add(3, "7-7", "not asked about");
	pos[1] = (struct chain_pos){6, 0};
	pos[2] = (struct chain_pos){9, 0};
	pos[4] = (struct chain_pos){1, 0};
	assert_int_equal(outbox_look(outbox, pos), 3);
	loop_until_stop(loop);
	assert_int_equal(err, 0);
	assert_int_equal(looks, 3);
	assert_true(looked[1].last.ms == 8 && looked[1].entries == 2);
	assert_true(looked[2].last.ms == 5 && looked[2].entries == 0);
	assert_true(looked[4].last.ms == 0 && looked[4].last.seq == 0 && looked[4].entries == 0);
	assert_int_equal(looked[3].last.ms, 0);
	for (unsigned i = 0; i < OUTBOX_LOOK + 5; i++)
		redis_server_run_cmd(&redis, "XADD tg:{01}:out 9-%u e x", i + 1);
	pos[1] = (struct chain_pos){10, 0};
	assert_int_equal(outbox_look(outbox, pos), 3);
	loop_until_stop(loop);
	assert_true(looked[1].full && looked[1].entries == OUTBOX_LOOK && !looked[2].full);
}

static void look_failure_is_told_once(void **state)
{
	struct chain_pos pos[TOKEN_SHARDS] = {{0, 0}};

	(void)state;
	for (unsigned i = 0; i < 3; i++)
		pos[i].ms = 1;
	redis_server_run_cmd(&redis, "SET tg:{01}:out notastream");
	assert_int_equal(outbox_look(outbox, pos), 3);
	loop_until_stop(loop);
	assert_int_equal(err, TG_EINTERNAL);
	assert_int_equal(looks, 2);
	redis_server_run_cmd(&redis, "DEL tg:{01}:out");
	looks = 0;
	assert_int_equal(outbox_look(outbox, pos), 3);
	loop_until_stop(loop);
	assert_int_equal(err, 0);
	assert_int_equal(looks, 3);
}

static void cancelled_calls_are_never_answered(void **state)
{
	struct chain_pos pos[TOKEN_SHARDS] = {{0, 0}};

	(void)state;
	add(1, "5-0", "a");
	add(2, "5-0", "a");
	pos[1].ms = pos[2].ms = pos[3].ms = 9;
	assert_int_equal(outbox_look(outbox, pos), 3);
	assert_int_equal(outbox_trim(outbox, 1, &pos[1]), 0);
	assert_int_equal(outbox_trim(outbox, 2, &pos[2]), 0);
	outbox_cancel(outbox);
	/* what comes next gets its own answers, and no one else's */
	pos[1].ms = pos[3].ms = 0;
	add(2, "10-0", "b");
	pos[2].ms = 10;
	assert_int_equal(outbox_look(outbox, pos), 1);
	loop_until_stop(loop);
	assert_int_equal(looks, 1);
	assert_int_equal(looked[2].last.ms, 10);
	assert_int_equal(trimmed, 0);
	assert_int_equal(outbox_trim(outbox, 2, &pos[2]), 0);
	loop_until_stop(loop);
	assert_int_equal(trimmed, 1);
	assert_int_equal(held(1), 0); /* Redis did what was cancelled */
}

static void free_in_callback(void *ctx, int e)
{
	(void)ctx;
	err = e;
	outbox_free(outbox);
	outbox = NULL;
	loop_stop(loop);
}

static void freed_within_its_callback(void **state)
{
	static const struct outbox_calls calls = {.on_trimmed = free_in_callback};

	(void)state;
	outbox_free(outbox);
	outbox = outbox_new(store, &calls, NULL);
	assert_non_null(outbox);
	redis_server_run_cmd(&redis, "ACL SETUSER default -xtrim");
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(outbox_trim(outbox, i, &(struct chain_pos){1, 1}), 0);
	loop_until_stop(loop);
	assert_null(outbox);
	assert_int_equal(err, TG_ESTORE);
}

static bool begins;

static void ask(const char *token, unsigned lease_ms, const struct chain_pos *pos, uint64_t head_n,
	int64_t caught_up_ms)
{
	struct outbox_ask a = {.token = token,
		.lease_ms = lease_ms,
		.pos = pos,
		.begins = begins,
		.head_n = head_n,
		.caught_up_ms = caught_up_ms};

	memset(a.head, 0xab, sizeof a.head);
	assert_int_equal(outbox_ask_lease(outbox, &a), 0);
	loop_until_stop(loop);
}

static void lease_one_has_it_and_the_next_learns_what_was_declared(void **state)
{
	struct chain_pos pos[TOKEN_SHARDS] = {0};
	char epoch[CHAIN_EPOCH + 1];

	(void)state;
	ask("one", 10000, NULL, 0, 0);
	assert_int_equal(err, 0);
	assert_true(lease.mine && lease.by[0] == '\0' && lease.caught_up_ms == 0 &&
		lease.now_ms > 1600000000000);
	strcpy(epoch, lease.epoch);
	pos[0] = (struct chain_pos){1, 2};
	pos[63] = (struct chain_pos){UINT64_MAX, UINT64_MAX};
	begins = false;
	ask("one", 10000, pos, 6, 123);
	begins = true;
	ask("one", 10000, pos, 7, 123);
	assert_true(lease.mine && lease.by[0] == '\0'); /* the one before began nothing */
	ask("two", 10000, NULL, 0, 0);
	assert_false(lease.mine);
	assert_string_equal(lease.by, "one");
	assert_string_equal(lease.epoch, epoch);
	assert_memory_equal(lease.pos, pos, sizeof pos);
	assert_int_equal(lease.head_n, 7);
	assert_int_equal(lease.head[31], 0xab);
	assert_int_equal(lease.caught_up_ms, 123);
	ask("one", 0, NULL, 0, 0); /* given back: what was declared stays */
	assert_false(lease.mine);
	ask("two", 50, NULL, 0, 0);
	assert_true(lease.mine && lease.caught_up_ms == 0);
	assert_string_equal(lease.by, "one");
	assert_int_equal(lease.head_n, 7);
	begins = false;
	ask("two", 50, (const struct chain_pos[TOKEN_SHARDS]){0}, 0, 0);
	ask("two", 50, NULL, 0, 0);
	/* what another declared is not replaced in passing */
	assert_string_equal(lease.by, "one");
	begins = true;
	ask("two", 50, (const struct chain_pos[TOKEN_SHARDS]){0}, 0, 0);
	for (int i = 0; i < 100; i++) { /* it runs out by the store's clock */
		ask("one", 10000, NULL, 0, 0);
		if (lease.mine)
			break;
		usleep(10000);
	}
	assert_true(lease.mine);
	assert_string_equal(lease.by, "two");
	assert_int_equal(lease.head_n, 0);
	assert_string_equal(lease.epoch, epoch);
}

static void lease_other_forms_do_no_harm(void **state)
{
	(void)state;
	ask("one", 10000, NULL, 0, 0);
	redis_server_run_cmd(&redis, "HSET tg:{00}:rec by %s pos %s n x head zz",
		"a-very-long-name-of-somebody-a-very-long-name-of-somebody-a-very-long-name-of-"
		"somebody-"
		"a-very-long-name-of-somebody",
		"00:1-1 40:2-2 zz:3-3 01:x 02:4 : 03:3-3");
	ask("one", 10000, NULL, 0, 0);
	assert_int_equal(err, 0);
	assert_true(lease.mine && strlen(lease.by) == OUTBOX_TOKEN && lease.head_n == 0);
	assert_true(lease.pos[0].ms == 1 && lease.pos[1].ms == 0 && lease.pos[2].ms == 0 &&
		lease.pos[3].seq == 3);
	redis_server_run_cmd(&redis, "SET tg:{00}:epoch %s", "0123456789abcdef0123456789abcd\"F");
	ask("one", 10000, NULL, 0, 0);
	assert_int_equal(err, TG_EINTERNAL);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(read_gives_what_lies_behind_each_position),
		T(read_count_holds_for_each_shard),
		T(read_waits_and_comes_back_empty),
		T(read_broken_connection_is_told),
		T(trim_forgets_up_to_the_position_and_no_further),
		T(trim_refused_is_told_once),
		T(look_tells_how_far_an_outbox_has_come),
		T(look_failure_is_told_once),
		T(cancelled_calls_are_never_answered),
		T(freed_within_its_callback),
		T(lease_one_has_it_and_the_next_learns_what_was_declared),
		T(lease_other_forms_do_no_harm),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
