/*
 * Goal: whichever command of a transaction Redis refuses, whoever began the transaction hears of
 * it, and EXEC's answer says whether something may have been carried out.
 */
#include "redis_server.h"
#include <event2/buffer.h>
#include <timeglas/errors.h>
#include "net/loop.h"
#include "store/error.h"
#include "store/store.h"
#include "store/transaction.h"

struct world {
	struct redis_server redis;
	struct loop *loop;
	struct store *store;
	int refusals; /* heard before EXEC's answer */
	char why[128];
	int done, err;
	bool discarded;
};

static void on_up(struct store *s, void *ctx)
{
	struct world *w = ctx;

	(void)s;
	loop_stop(w->loop);
}

static int setup(void **state)
{
	static const struct store_calls calls = {.on_up = on_up};
	struct world *w = calloc(1, sizeof *w);
	char err[128];

	signal(SIGPIPE, SIG_IGN);
	redis_server_start(&w->redis);
	w->loop = loop_new();
	w->store = store_new(w->loop, w->redis.url, &calls, w, err, sizeof err);
	assert_non_null(w->store);
	loop_until_stop(w->loop);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	store_free(w->store);
	loop_free(w->loop);
	redis_server_stop(&w->redis);
	free(w);
	return 0;
}

static void on_refused(void *ctx, const redisReply *r)
{
	struct world *w = ctx;

	assert_int_equal(w->done, 0);
	if (r == NULL || r->type != REDIS_REPLY_ERROR)
		return;
	w->refusals++;
	snprintf(w->why, sizeof w->why, "%s", r->str);
}

static void on_done(void *ctx, const redisReply *r)
{
	struct world *w = ctx;

	w->done++;
	w->err = transaction_err(w->store, r);
	w->discarded = transaction_discarded(r);
	loop_stop(w->loop);
}

static void add(struct transaction *t, const char *const word[])
{
	struct cmd m;

	cmd_begin(&m, word[0]);
	for (int i = 1; word[i] != NULL; i++)
		cmd_text(&m, word[i]);
	assert_int_equal(transaction_add(t, &m), 0);
}

/* SET, ZADD and XADD, as an upload has them. */
static void run(struct world *w)
{
	struct evbuffer *value = evbuffer_new();
	struct transaction t;

	w->refusals = w->done = 0;
	w->why[0] = '\0';
	evbuffer_add(value, "bytes", 5);
	assert_int_equal(transaction_begin(&t, w->store, on_refused, w), 0);
	assert_int_equal(transaction_store(&t, "tg:{05}:b:x", 11, value, 60000), 0);
	add(&t, (const char *const[]){"ZADD", "tg:{05}:dl", "1", "b:x", NULL});
	add(&t, (const char *const[]){"XADD", "tg:{05}:out", "*", "p", "e", NULL});
	assert_int_equal(transaction_exec(&t, on_done), 0);
	loop_until_stop(w->loop);
	evbuffer_free(value);
	assert_int_equal(w->done, 1);
}

static void nothing_is_refused(void **state)
{
	struct world *w = *state;

	run(w);
	assert_int_equal(w->refusals, 0);
	assert_int_equal(w->err, 0);
	assert_int_equal(redis_server_keys(&w->redis, "tg:{05}:*"), 3);
}

/* Each of a transaction's commands in turn is denied. */
static void refused_member_is_heard_of(void **state)
{
	static const char *const command[] = {"set", "zadd", "xadd"};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof command / sizeof command[0]; i++) {
		redis_server_run_cmd(&w->redis, "ACL SETUSER default -%s", command[i]);
		run(w);
		redis_server_run_cmd(&w->redis, "ACL SETUSER default +%s", command[i]);
		assert_int_equal(w->refusals, 1);
		assert_non_null(strstr(w->why, command[i]));
		assert_int_equal(w->err, TG_ESTORE);
		assert_true(w->discarded);
		assert_int_equal(redis_server_keys(&w->redis, "tg:{05}:*"), 0);
	}
}

/* Without MULTI its commands are carried out one by one: nobody may take them for discarded. */
static void refused_multi_is_heard_of(void **state)
{
	struct world *w = *state;

	redis_server_run_cmd(&w->redis, "ACL SETUSER default -multi");
	run(w);
	redis_server_run_cmd(&w->redis, "ACL SETUSER default +multi");
	assert_int_equal(w->refusals, 1);
	assert_int_not_equal(w->err, 0);
	assert_false(w->discarded);
	assert_int_equal(redis_server_keys(&w->redis, "tg:{05}:*"), 3);
}

/* A full store refuses all three. */
static void full_store_is_heard_of(void **state)
{
	struct world *w = *state;

	redis_server_run_cmd(&w->redis, "CONFIG SET maxmemory 1");
	run(w);
	redis_server_run_cmd(&w->redis, "CONFIG SET maxmemory 0");
	assert_int_equal(w->refusals, 3);
	assert_int_equal(strncmp(w->why, "OOM", 3), 0);
	assert_true(w->discarded);
	assert_int_equal(redis_server_keys(&w->redis, "tg:{05}:*"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(nothing_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(refused_member_is_heard_of, setup, teardown),
		cmocka_unit_test_setup_teardown(refused_multi_is_heard_of, setup, teardown),
		cmocka_unit_test_setup_teardown(full_store_is_heard_of, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
