/*
 * Goal: claims and requests' keys through the store's calls, against a real Redis: the token that a
 * claimant is given opens its blob and no other, every range gives exactly its bytes, a key gives
 * the same answer again, and each callback comes once or, when forgotten, never.
 */
#include "redis_server.h"
#include <sodium.h>
#include <timeglas/errors.h>
#include "store/store.h"
#include "store/store_blob.h"
#include "store/store_claim.h"
#include "store/store_put.h"
#include "store/store_read.h"
#include "store/store_session.h"
#include "store/store_idempotency.h"

#define SHARD 5u
#define CHUNKS 3u
#define TAIL_BYTES 777u
#define SIZE (CHUNKS * STORE_CHUNK_BYTES + TAIL_BYTES)

struct world {
	struct redis_server redis;
	struct loop *loop;
	struct store *store;
	int err, calls, chunks;
	struct store_claim claim;
	struct store_blob blob;
	bool said;
	uint64_t from, len; /* what on_begin asks for; len 0: nothing, it aborts */
	unsigned char content[SIZE];
	struct evbuffer *out;
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
	assert_true(sodium_init() >= 0);
	redis_server_start(&w->redis);
	w->loop = loop_new();
	w->store = store_new(w->loop, w->redis.url, &calls, w, err, sizeof err);
	assert_non_null(w->store);
	w->out = evbuffer_new();
	randombytes_buf(w->content, sizeof w->content);
	loop_until_stop(w->loop);
	redis_server_compared(&w->redis);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	store_free(w->store);
	evbuffer_free(w->out);
	loop_free(w->loop);
	redis_server_stop(&w->redis);
	free(w);
	return 0;
}

/* A live blob of SIZE bytes for v and w, as an upload would leave it whose chunks are so large. */
static void make_blob_of(
	struct world *w, const char *id, const char *event, unsigned chunk, const char *private)
{
	unsigned n = 0;

	for (unsigned at = 0; at < SIZE; at += chunk, n++)
		redis_server_run_cmd(&w->redis, "SET tg:{05}:c:%s:%d %b PX 100000", id, (int)n,
			w->content + at, (size_t)(SIZE - at < chunk ? SIZE - at : chunk));
	redis_server_run_cmd(
		&w->redis, "FCALL tg2_stage 1 tg:{05}:dl %s up %s 0 1 9 60000 %s", id, "", event);
	redis_server_run_cmd(&w->redis,
		"FCALL tg2_commit 1 tg:{05}:dl %s up %s %s 0 %d %d 60000 0 %s %s", id, " v w ", "",
		(int)n, (int)SIZE, event, private);
}

static void make_blob(struct world *w, const char *id, const char *event)
{
	make_blob_of(w, id, event, STORE_CHUNK_BYTES, "SWE -");
}

static void on_claim(
	void *ctx, int err, const struct store_claim *claim, const struct store_blob *b)
{
	struct world *w = ctx;

	w->err = err;
	w->calls++;
	if (claim != NULL)
		w->claim = *claim;
	if (b != NULL)
		w->blob = *b;
	loop_stop(w->loop);
}

static void on_blob(void *ctx, int err, const struct store_blob *b)
{
	on_claim(ctx, err, NULL, b);
}

static void on_once(void *ctx, int err, const struct store_blob *said)
{
	struct world *w = ctx;

	w->said = said != NULL;
	on_claim(ctx, err, NULL, said);
}

static void on_done(void *ctx, int err)
{
	on_claim(ctx, err, NULL, NULL);
}

/* Waits for the answer to what rc says was sent. */
static int answer(struct world *w, int rc)
{
	int before = w->calls;

	if (rc != 0)
		return rc;
	assert_int_equal(w->calls, before);
	loop_until_stop(w->loop);
	assert_int_equal(w->calls, before + 1);
	return w->err;
}

static int claim(struct world *w, const char *id, const char *peer, const char *key)
{
	struct store_claim_opts o = {.id = id, .peer = peer, .lease_s = 30, .key = key};

	return answer(w, store_claim_begin(w->store, &o, on_claim, w));
}

static int ack(
	struct world *w, const char *token, const char *peer, const char *outcome, const char *key)
{
	return answer(w, store_claim_ack(w->store, token, peer, outcome, key, on_blob, w));
}

static void on_begin(struct store_read *t, int err, const struct store_blob *b, void *ctx)
{
	struct world *w = ctx;

	w->err = err;
	if (b != NULL)
		w->blob = *b;
	if (err == 0 && w->len > 0) {
		store_read_range(t, w->from, w->len);
		store_read_next(t);
		return;
	}
	if (err == 0)
		store_read_abort(t);
	loop_stop(w->loop);
}

static void on_data(struct store_read *t, struct evbuffer *data, bool done, int err, void *ctx)
{
	struct world *w = ctx;

	evbuffer_add_buffer(w->out, data);
	w->err = err;
	w->chunks += err == 0;
	if (done || err != 0)
		loop_stop(w->loop);
	else
		store_read_next(t);
}

static int read_range(
	struct world *w, const char *token, const char *peer, uint64_t from, uint64_t len)
{
	static const struct store_read_calls calls = {on_begin, on_data};
	int err;

	w->from = from;
	w->len = len;
	w->chunks = 0;
	evbuffer_drain(w->out, evbuffer_get_length(w->out));
	if (store_read_claimed(w->store, token, peer, &calls, w, &err) == NULL)
		return err;
	loop_until_stop(w->loop);
	return w->err;
}

static void assert_range(struct world *w, uint64_t from, uint64_t len, int chunks)
{
	assert_int_equal(read_range(w, w->claim.token, "v", from, len), 0);
	assert_int_equal(evbuffer_get_length(w->out), len);
	assert_memory_equal(evbuffer_pullup(w->out, -1), w->content + from, len);
	assert_int_equal(w->chunks, chunks);
}

static void claim_read_gives_each_range_its_bytes(void **state)
{
	struct world *w = *state;
	char id[TOKEN_LEN + 1];

	token_make(SHARD, id);
	make_blob(w, id, "tag passport 0");
	assert_int_equal(claim(w, id, "v", NULL), 0);
	assert_int_equal(store_claim_shard(w->claim.token, strlen(w->claim.token)), SHARD);
	assert_int_equal(w->blob.state, STORE_CLAIMED);
	assert_range(w, 0, SIZE, 4);
	assert_range(w, 0, SIZE, 4); /* again */
	assert_range(w, 0, 1, 1);
	assert_range(w, SIZE - 1, 1, 1);
	assert_range(w, STORE_CHUNK_BYTES - 1, 2, 2);
	assert_range(w, STORE_CHUNK_BYTES, STORE_CHUNK_BYTES, 1);
	assert_range(w, 17, 2 * STORE_CHUNK_BYTES, 3);
	assert_range(w, 3 * STORE_CHUNK_BYTES, TAIL_BYTES, 1);
	for (int i = 0; i < 200; i++) {
		uint64_t from = randombytes_uniform(SIZE),
			 len = 1 + randombytes_uniform((uint32_t)(SIZE - from));
		assert_range(w, from, len,
			(int)((from + len - 1) / STORE_CHUNK_BYTES - from / STORE_CHUNK_BYTES) + 1);
	}
	assert_int_equal(redis_server_chunks(&w->redis, "*"), CHUNKS + 1);
	assert_int_equal(ack(w, w->claim.token, "v", "ok", NULL), 0);
	assert_string_equal(w->blob.cause, "consumed");
	assert_int_equal(redis_server_chunks(&w->redis, "*"), 0);
	assert_int_equal(read_range(w, w->claim.token, "v", 0, 1), TG_EGONE);
}

/* The record says how large its chunks are; one that says nonsense is not read. */
static void claim_read_goes_by_the_chunks_of_the_blob(void **state)
{
	struct world *w = *state;
	char id[TOKEN_LEN + 1];

	token_make(SHARD, id);
	make_blob_of(w, id, "tag passport 0", 1000, "SWE - 1000");
	assert_int_equal(claim(w, id, "v", NULL), 0);
	assert_int_equal(w->blob.desc.chunk_bytes, 1000);
	for (int i = 0; i < 50; i++) {
		uint64_t from = randombytes_uniform(SIZE),
			 len = 1 + randombytes_uniform((uint32_t)(SIZE - from));
		assert_range(w, from, len, (int)((from + len - 1) / 1000 - from / 1000) + 1);
	}
	token_make(SHARD, id);
	make_blob_of(w, id, "tag passport 0", STORE_CHUNK_BYTES, "SWE - 0");
	assert_int_equal(claim(w, id, "v", NULL), TG_EINTERNAL);
}

static void claim_read_of_a_chunk_that_is_gone_breaks_off(void **state)
{
	struct world *w = *state;
	char id[TOKEN_LEN + 1];

	token_make(SHARD, id);
	make_blob(w, id, "tag passport 0");
	assert_int_equal(claim(w, id, "v", NULL), 0);
	redis_server_run_cmd(&w->redis, "DEL tg:{05}:c:%s:1", id);
	assert_int_equal(read_range(w, w->claim.token, "v", 0, SIZE), TG_EGONE);
	assert_int_equal(evbuffer_get_length(w->out), STORE_CHUNK_BYTES);
	assert_int_equal(read_range(w, w->claim.token, "v", STORE_CHUNK_BYTES + 1, 5), TG_EGONE);
	/* begun and aborted: a HEAD */
	assert_int_equal(read_range(w, w->claim.token, "v", 0, 0), 0);
}

static void claim_token_of_another_form_or_secret_opens_nothing(void **state)
{
	struct world *w = *state;
	char id[TOKEN_LEN + 1], token[STORE_CLAIM_LEN + 1], zero[TOKEN_LEN + 1];

	token_make(SHARD, id);
	token_make(SHARD, zero);
	make_blob(w, id, "tag passport 0");
	assert_int_equal(claim(w, id, "v", NULL), 0);
	strcpy(token, w->claim.token);
	assert_int_equal(read_range(w, token, "w", 0, 1), TG_ENOENT);
	assert_int_equal(w->blob.refused, REFUSED_CLAIMED_BY_OTHER);
	memcpy(token + TOKEN_LEN, zero + 2, STORE_CLAIM_LEN - TOKEN_LEN);
	assert_int_equal(read_range(w, token, "v", 0, 1), TG_ENOENT);
	assert_int_equal(ack(w, token, "v", "ok", NULL), TG_ENOENT);
	assert_int_equal(w->blob.refused, REFUSED_WRONG_CLAIM);
	memcpy(token, zero, TOKEN_LEN);
	assert_int_equal(read_range(w, token, "v", 0, 1), TG_ENOENT);
	assert_int_equal(read_range(w, id, "v", 0, 1), TG_ENOENT);
	assert_int_equal(store_claim_shard(token, strlen(token) - 1), -1);
	token[STORE_CLAIM_LEN - 1] = 'B'; /* unused bits are not zero */
	assert_int_equal(store_claim_shard(token, strlen(token)), -1);
	token[STORE_CLAIM_LEN - 1] = '=';
	assert_int_equal(store_claim_shard(token, strlen(token)), -1);
	assert_int_equal(claim(w, "no id", "v", NULL), TG_ENOENT);
	assert_int_equal(ack(w, w->claim.token, "v", "ok", NULL), 0);
}

static void claim_under_a_key_gives_one_token_from_any_server(void **state)
{
	struct world *w = *state;
	char id[TOKEN_LEN + 1], other[TOKEN_LEN + 1];
	struct store_claim first;

	token_make(SHARD, id);
	token_make(SHARD, other);
	make_blob(w, id, "tag passport 0");
	make_blob(w, other, "ref2 passport 0");
	assert_int_equal(claim(w, id, "v", "key"), 0);
	first = w->claim;
	assert_false(first.repeated);
	assert_int_equal(claim(w, id, "v", "key"), 0);
	assert_true(w->claim.repeated);
	assert_string_equal(w->claim.token, first.token);
	assert_int_equal(w->claim.lease_deadline_ms, first.lease_deadline_ms);
	assert_range(w, 0, SIZE, 4);
	assert_int_equal(claim(w, other, "v", "key"), TG_EREUSED);
	assert_int_equal(claim(w, id, "w", "key"), TG_ECLAIMED);
	assert_int_equal(claim(w, id, "v", "key2"), TG_ECLAIMED);
	/* w tried the first one under it */
	assert_int_equal(claim(w, other, "w", "key"), TG_EREUSED);
	assert_int_equal(ack(w, first.token, "v", "ok", "key"), TG_EREUSED);
	assert_int_equal(ack(w, first.token, "v", "ok", "ack"), 0);
	assert_int_equal(ack(w, first.token, "v", "ok", "ack"), 0);
	assert_int_equal(ack(w, first.token, "v", "rejected", "ack"), TG_EREUSED);
	assert_int_equal(ack(w, first.token, "v", "ok", "ack2"), TG_EGONE);
	assert_int_equal(claim(w, id, "v", "key"), TG_EGONE);
	assert_string_equal(w->blob.cause, "consumed");
}

static void once_is_taken_over_when_the_first_came_to_nothing(void **state)
{
	struct world *w = *state;
	struct store_desc d = {
		.kind = "passport", .issuer = "SWE", .uploader = "up", .to = " v w "};
	char first[TOKEN_LEN + 1], id[TOKEN_LEN + 1];
	redisReply *keys;

	assert_int_equal(
		answer(w, store_idempotency_begin(w->store, &d, "key", first, on_once, w)), 0);
	assert_false(w->said);
	assert_int_equal(answer(w, store_idempotency_begin(w->store, &d, "key", id, on_once, w)),
		TG_EINFLIGHT);
	keys = redis_server_do(&w->redis, "KEYS tg:*:i:*");
	assert_int_equal(keys->elements, 1);
	redis_server_run_cmd(&w->redis, "HINCRBY %s at -61000", keys->element[0]->str);
	freeReplyObject(keys);
	/* old, and nothing there: ours */
	assert_int_equal(
		answer(w, store_idempotency_begin(w->store, &d, "key", id, on_once, w)), 0);
	assert_false(w->said);
	assert_int_equal(
		answer(w, store_idempotency_settle(w->store, "up", "key", first, on_done, w)),
		TG_EINFLIGHT);
	assert_int_equal(
		answer(w, store_idempotency_settle(w->store, "up", "key", id, on_done, w)), 0);
	store_idempotency_drop(w->store, "up", "key", id); /* told: it stays */
	/* but its blob never was */
	assert_int_equal(
		answer(w, store_idempotency_begin(w->store, &d, "key", first, on_once, w)), 0);
	assert_false(w->said);
	store_idempotency_drop(w->store, "up", "key", first);
	assert_int_equal(
		answer(w, store_idempotency_begin(w->store, &d, "key", id, on_once, w)), 0);
	d.kind[0] = 'x';
	assert_int_equal(answer(w, store_idempotency_begin(w->store, &d, "key", id, on_once, w)),
		TG_EREUSED);
}

static void once_says_what_was_stored_unless_it_was_aborted(void **state)
{
	struct world *w = *state;
	struct store_desc d = {.kind = "liveness", .uploader = "up", .to = " v "};
	char id[TOKEN_LEN + 1], other[TOKEN_LEN + 1], *cause;
	redisReply *record;

	/* The id decides the shard; ask until it is the one that make_blob writes to. */
	do {
		assert_int_equal(
			answer(w, store_idempotency_begin(w->store, &d, "key", id, on_once, w)), 0);
		if (token_shard(id, TOKEN_LEN) != SHARD)
			store_idempotency_drop(w->store, "up", "key", id);
	} while (token_shard(id, TOKEN_LEN) != SHARD);
	make_blob(w, id, "tag liveness 0");
	/* committed, not settled: its server died */
	assert_int_equal(
		answer(w, store_idempotency_begin(w->store, &d, "key", other, on_once, w)), 0);
	assert_true(w->said);
	assert_string_equal(w->blob.id, id);
	assert_int_equal(answer(w, store_blob_erase(w->store, id, "up", on_blob, w)), 0);
	assert_int_equal(
		answer(w, store_idempotency_begin(w->store, &d, "key", other, on_once, w)), 0);
	assert_true(w->said);
	assert_string_equal(w->blob.cause, "erased");
	record = redis_server_do(&w->redis, "GET tg:{05}:b:%s", id);
	cause = strstr(record->str, "\terased\t");
	assert_non_null(cause);
	*cause = '\0';
	redis_server_run_cmd(&w->redis, "SET tg:{05}:b:%s %s\taborted\t%s", id, record->str,
		cause + strlen("\terased\t"));
	freeReplyObject(record);
	assert_int_equal(
		answer(w, store_idempotency_begin(w->store, &d, "key", other, on_once, w)), 0);
	assert_false(w->said);
}

static void settle_of_a_lost_key_ends_the_blob(void **state)
{
	struct world *w = *state;
	char id[TOKEN_LEN + 1];

	token_make(SHARD, id);
	make_blob(w, id, "tag liveness 0");
	assert_int_equal(
		answer(w, store_idempotency_settle(w->store, "up", "never begun", id, on_done, w)),
		TG_EINFLIGHT);
	assert_int_equal(answer(w, store_blob_stat(w->store, id, on_blob, w)), 0);
	assert_string_equal(w->blob.cause, "aborted");
	assert_int_equal(redis_server_chunks(&w->redis, "*"), 0);
}

static void settle_of_a_lost_key_ends_the_blob_also_when_its_client_left(void **state)
{
	struct world *w = *state;
	char id[TOKEN_LEN + 1];
	int calls = w->calls;

	token_make(SHARD, id);
	make_blob(w, id, "tag liveness 0");
	assert_int_equal(
		store_idempotency_settle(w->store, "up", "never begun", id, on_done, w), 0);
	store_forget(w->store, w);
	for (int i = 0; i < 200; i++) {
		assert_int_equal(answer(w, store_blob_stat(w->store, id, on_blob, w)), 0);
		if (w->blob.state == STORE_GONE)
			break;
		calls++;
	}
	assert_int_equal(w->calls, calls + 1);
	assert_string_equal(w->blob.cause, "aborted");
}

static void forget_between_two_steps_silences_the_claim(void **state)
{
	struct world *w = *state;
	struct store_claim_opts o = {.peer = "v", .lease_s = 30, .key = "key"};
	struct store_desc d = {.kind = "liveness", .uploader = "up", .to = " v "};
	char id[TOKEN_LEN + 1], other[TOKEN_LEN + 1];

	token_make(SHARD, id);
	make_blob(w, id, "tag liveness 0");
	o.id = id;
	assert_int_equal(store_claim_begin(w->store, &o, on_claim, w), 0);
	store_forget(w->store, w);
	assert_int_equal(store_idempotency_begin(w->store, &d, "another", other, on_once, w), 0);
	store_forget(w->store, w);
	assert_int_equal(answer(w, store_blob_stat(w->store, id, on_blob, w)), 0);
	assert_int_equal(w->calls, 1);
	assert_int_equal(w->blob.state, STORE_LIVE); /* forgotten before the second step was sent */
	kill(w->redis.pid, SIGSTOP);
	assert_int_equal(store_claim_begin(w->store, &o, on_claim, w), 0);
	assert_int_equal(store_idempotency_begin(w->store, &d, "third", other, on_once, w), 0);
	redis_server_kill(&w->redis);
	while (w->calls < 3)
		loop_until_stop(w->loop);
	assert_int_equal(w->err, TG_ESTORE);
	redis_server_run(&w->redis);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			claim_read_gives_each_range_its_bytes, setup, teardown),
		cmocka_unit_test_setup_teardown(
			claim_read_goes_by_the_chunks_of_the_blob, setup, teardown),
		cmocka_unit_test_setup_teardown(
			claim_read_of_a_chunk_that_is_gone_breaks_off, setup, teardown),
		cmocka_unit_test_setup_teardown(
			claim_token_of_another_form_or_secret_opens_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(
			claim_under_a_key_gives_one_token_from_any_server, setup, teardown),
		cmocka_unit_test_setup_teardown(
			once_is_taken_over_when_the_first_came_to_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(
			once_says_what_was_stored_unless_it_was_aborted, setup, teardown),
		cmocka_unit_test_setup_teardown(
			settle_of_a_lost_key_ends_the_blob, setup, teardown),
		cmocka_unit_test_setup_teardown(
			settle_of_a_lost_key_ends_the_blob_also_when_its_client_left, setup,
			teardown),
		cmocka_unit_test_setup_teardown(
			forget_between_two_steps_silences_the_claim, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
