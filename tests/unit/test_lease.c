/*
 * Goal: against a real Redis: one recorder has the lease, the other one waits; a batch counts as
 * covered when its own declaration was answered, and not before; an answer that comes after it was
 * cancelled is never heard of; a store that was flushed is noticed.
 */
#include "redis_server.h"
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>
#include <timeglas/errors.h>
#include "store/store.h"
#include "recorder/lease.h"
#include "test_dir.h"

#define OURS CHAIN_PUBLIC "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define THEIRS CHAIN_PUBLIC "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static struct redis_server redis;
static struct loop *loop;
static struct store *store;
static struct ledger *ledger;
static struct lease *lease, *other;
static char dir[64], path[96];
static uint8_t secret[CHAIN_SECRET];

/* What the callback was told last. */
static enum lease_event event;
static struct outbox_lease answer;
static unsigned calls;

static void on_lease(void *ctx, enum lease_event e, const struct outbox_lease *a)
{
	(void)ctx;
	event = e;
	if (a != NULL)
		answer = *a;
	calls++;
	loop_stop(loop);
}

static void on_up(struct store *s, void *ctx)
{
	(void)s, (void)ctx;
	loop_stop(loop);
}

static struct lease *new_lease(const char *key)
{
	const struct lease_opts o = {
		.store = store, .public_text = key, .path = path, .cb = on_lease};
	struct lease *l = lease_new(&o);

	assert_non_null(l);
	return l;
}

static int setup(void **state)
{
	static const struct store_calls store_calls = {.on_up = on_up};
	const struct ledger_opts o = {
		.path = path, .secret = secret, .rotate_bytes = UINT64_MAX, .rotate_s = UINT32_MAX};
	uint8_t public[CHAIN_KEY];
	char why[128];

	(void)state;
	strcpy(dir, "/tmp/timeglas-lease-XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/audit.log", dir);
	crypto_sign_keypair(public, secret);
	redis_server_start(&redis);
	loop = loop_new();
	assert_non_null(loop);
	store = store_new(loop, redis.url, &store_calls, NULL, why, sizeof why);
	assert_non_null(store);
	loop_until_stop(loop);
	ledger = ledger_new(&o);
	assert_non_null(ledger);
	assert_int_equal(ledger_open(ledger), 0);
	lease = new_lease(OURS);
	other = new_lease(THEIRS);
	calls = 0;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	lease_free(lease);
	lease_free(other);
	ledger_free(ledger);
	store_free(store);
	loop_free(loop);
	redis_server_stop(&redis);
	return remove_folder(dir);
}

static void expect(enum lease_event e)
{
	loop_until_stop(loop);
	assert_int_equal(event, e);
}

/* An event of shard 3 in the ledger's batch. */
static void add_event(const char *id)
{
	struct chain_record r = {.id = {id, strlen(id)}, .event = {"stored", 6}, CHAIN_NO_NUMBERS};

	assert_int_equal(ledger_add(ledger, &r), 0);
}

static void take_and_settle(void)
{
	static const struct chain_pos none[TOKEN_SHARDS];

	redis_server_compared(&redis);
	assert_int_equal(lease_take(lease, 0), 0);
	expect(LEASE_OURS);
	lease_settle(lease, answer.epoch, none);
}

static void one_has_it_and_the_other_waits(void **state)
{
	(void)state;
	assert_false(lease_is_held(lease));
	assert_int_equal(lease_take(lease, 0), 0);
	expect(LEASE_OURS);
	assert_true(lease_is_held(lease));
	assert_int_equal(lease_take(other, 0), 0);
	expect(LEASE_ELSEWHERE);
	assert_false(lease_is_held(other));
	assert_int_equal(lease_waited_us(other), 0);
	assert_int_equal(lease_take(other, 0), 0);
	expect(LEASE_ELSEWHERE);
	assert_true(lease_waited_us(other) > 0);
	assert_int_equal(lease_give_up(lease, 0), 0);
	assert_false(lease_is_held(lease)); /* at once */
	expect(LEASE_GIVEN_UP);
	assert_int_equal(lease_take(other, 0), 0);
	expect(LEASE_OURS);
}

static void a_batch_is_covered_by_its_own_declaration_alone(void **state)
{
	(void)state;
	take_and_settle();
	assert_int_equal(lease_declare(lease, 0, ledger), 0);
	add_event("03-5-1"); /* the call under way does not know of it */
	assert_int_equal(lease_declare(lease, 0, ledger), 0);
	expect(LEASE_OURS);
	assert_false(lease_covers(lease, ledger));
	assert_int_equal(lease_declare(lease, 0, ledger), 0);
	expect(LEASE_OURS);
	assert_true(lease_covers(lease, ledger));
	add_event("03-5-2");
	assert_false(lease_covers(lease, ledger));
	ledger_drop(ledger);
	assert_int_equal(lease_take(other, 0), 0);
	expect(LEASE_ELSEWHERE);
	assert_string_equal(answer.by, lease_token(lease));
	assert_true(answer.pos[3].ms == 5 && answer.pos[3].seq == 1);
}

static void a_cancelled_answer_is_never_heard_of(void **state)
{
	(void)state;
	take_and_settle();
	add_event("03-5-1");
	assert_int_equal(lease_declare(lease, 0, ledger), 0);
	lease_unsettle(lease);
	ledger_drop(ledger);
	calls = 0;
	assert_int_equal(lease_take(other, 0), 0); /* is answered behind it */
	expect(LEASE_ELSEWHERE);
	assert_int_equal(calls, 1);
	assert_false(lease_covers(lease, ledger));
	assert_true(answer.pos[3].ms == 5); /* the store did it all the same */
	assert_int_equal(lease_take(lease, 0), 0);
	lease_forget(lease);
	assert_false(lease_is_held(lease));
	assert_int_equal(lease_take(other, 0), 0);
	expect(LEASE_ELSEWHERE);
	assert_int_equal(calls, 2);
}

static void a_flushed_store_is_noticed(void **state)
{
	(void)state;
	take_and_settle();
	assert_int_equal(lease_declare(lease, 0, ledger), 0);
	expect(LEASE_OURS);
	redis_server_run_cmd(&redis, "FLUSHALL");
	assert_int_equal(lease_declare(lease, 0, ledger), 0);
	expect(LEASE_FORGOTTEN);
	assert_true(lease_is_held(lease));
	lease_unsettle(lease); /* nothing was told: nothing can be forgotten */
	assert_int_equal(lease_take(lease, 0), 0);
	expect(LEASE_OURS);
}

static void a_broken_connection_fails_the_call(void **state)
{
	(void)state;
	assert_int_equal(lease_take(lease, 0), 0);
	redis_server_run_cmd(&redis, "CLIENT KILL TYPE normal SKIPME yes");
	loop_until_stop(loop);
	if (event == LEASE_OURS) { /* it was answered before */
		assert_true(lease_take(lease, 0) == TG_ESTORE || calls == 1);
		return;
	}
	assert_int_equal(event, LEASE_FAILED);
	assert_int_equal(lease_take(lease, 0), TG_ESTORE);
	assert_int_equal(lease_give_up(lease, 0), TG_ESTORE);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(one_has_it_and_the_other_waits),
		T(a_batch_is_covered_by_its_own_declaration_alone),
		T(a_cancelled_answer_is_never_heard_of),
		T(a_flushed_store_is_noticed),
		T(a_broken_connection_fails_the_call),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
