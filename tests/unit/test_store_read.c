/*
 * Goal: a blob is read by one peer once, also when the read breaks off, and is gone after that. The
 * store's calls against a real Redis.
 */
#include "store_fixture.h"
#include "store/desc.h"

static void round_trip_of(struct world *w, size_t bytes, int chunks, uint32_t chunk_bytes)
{
	struct store_put_opts o = put_opts("", false);
	char id[TOKEN_LEN + 1];

	o.desc.chunk_bytes = chunk_bytes;
	strcpy(o.desc.sha256, "ab");
	assert_int_equal(upload(w, &o, bytes), 0);
	assert_int_equal(w->blob.state, STORE_LIVE);
	assert_int_equal(w->blob.desc.size_bytes, bytes);
	token_tag(w->blob.id, o.desc.tag);
	assert_string_equal(w->blob.desc.tag, o.desc.tag);
	assert_string_equal(w->blob.desc.kind, "liveness");
	assert_string_equal(w->blob.desc.issuer, "");
	assert_string_equal(w->blob.desc.sha256, "ab");
	assert_int_equal(
		w->blob.desc.chunk_bytes, chunk_bytes != 0 ? chunk_bytes : STORE_CHUNK_BYTES);
	assert_int_equal(w->blob.deadline_ms - w->blob.stored_at_ms > 590000, 1);
	assert_int_equal(w->blob.deadline_ms - w->blob.stored_at_ms < 600000, 1);
	strcpy(id, w->blob.id);

	assert_int_equal(take(w, id, "stranger"), TG_ENOENT);
	assert_int_equal(take(w, id, "verifier"), 0);
	assert_int_equal(w->begun, 1);
	assert_int_equal(w->chunks, chunks);
	assert_int_equal(evbuffer_get_length(w->out), bytes);
	fill(w, bytes);
	assert_memory_equal(evbuffer_pullup(w->in, -1), evbuffer_pullup(w->out, -1), bytes);

	assert_int_equal(take(w, id, "verifier2"), TG_EGONE);
	assert_string_equal(w->blob.cause, "consumed");
	assert_true(w->blob.gone_at_ms >= w->blob.stored_at_ms);
	assert_true(strlen(w->blob.event) > 5 && w->blob.event[2] == '-' &&
		strncmp(w->blob.event, id, 2) == 0);
	assert_nothing_but_tombstones(w);
}

static void take_blob_of_small_chunks_returns_it_once(void **state)
{
	round_trip_of(*state, 3u * STORE_CHUNK_SMALL_BYTES, 3, STORE_CHUNK_SMALL_BYTES);
	round_trip_of(*state, 9u * STORE_CHUNK_SMALL_BYTES + 1, 10, STORE_CHUNK_SMALL_BYTES);
}

static void round_trip(struct world *w, size_t bytes, int chunks)
{
	round_trip_of(w, bytes, chunks, 0);
}

static void take_small_blob_returns_it_once(void **state)
{
	round_trip(*state, 4096, 1);
}

static void take_blob_of_one_full_chunk_returns_it_once(void **state)
{
	round_trip(*state, STORE_CHUNK_BYTES, 1);
}

static void take_blob_of_many_chunks_returns_it_once(void **state)
{
	round_trip(*state, 45u * STORE_CHUNK_BYTES + 17, 46);
}

static void session_open_then_show_lists_its_blobs(void **state)
{
	struct world *w = *state;
	struct store_put_opts o;
	char sid[TOKEN_LEN + 1];

	open_session(w);
	strcpy(sid, w->session.id);
	assert_string_equal(w->session.state, "open");
	assert_int_equal(w->session.deadline_ms - w->session.opened_at_ms, 3600000);
	assert_int_equal(w->session.idle_deadline_ms - w->session.opened_at_ms, 600000);
	assert_int_equal(w->session.idle_s, 600);
	o = put_opts(sid, true);
	assert_int_equal(upload(w, &o, 1000), 0);
	assert_memory_equal(w->blob.id, sid, 2);
	o = put_opts(sid, false);
	assert_int_equal(upload(w, &o, 200000), 0);
	assert_int_equal(store_session_show(w->store, sid, on_show, w), 0);
	loop_until_stop(w->loop);
	assert_int_equal(w->err, 0);
	assert_int_equal(w->n_blobs, 2);

	/* Closing takes the bound one only; erase_all the other, too. */
	assert_int_equal(store_session_close(w->store, sid, "somebody", false, on_show, w), 0);
	loop_until_stop(w->loop);
	assert_int_equal(w->err, TG_ENOENT);
	assert_int_equal(store_session_close(w->store, sid, "uploader", false, on_show, w), 0);
	loop_until_stop(w->loop);
	assert_int_equal(w->err, 0);
	assert_string_equal(w->session.state, "closed");
	assert_int_equal(w->n_blobs, 1);
	assert_true(w->blobs[0].desc.bound);
	assert_string_equal(w->blobs[0].cause, "session-closed");
	assert_int_equal(redis_server_chunks(&w->redis, "*"), 4);
	assert_int_equal(store_session_close(w->store, sid, NULL, true, on_show, w), 0);
	loop_until_stop(w->loop);
	assert_int_equal(w->err, 0);
	assert_int_equal(w->n_blobs, 1);
	assert_nothing_but_tombstones(w);
	assert_int_equal(store_session_touch(w->store, sid, "uploader", on_session, w), 0);
	loop_until_stop(w->loop);
	assert_int_equal(w->err, TG_EGONE);
}

static void erase_asks_for_the_uploader_or_an_operator(void **state)
{
	struct world *w = *state;
	struct store_put_opts o = put_opts("", false);
	char id[TOKEN_LEN + 1];

	assert_int_equal(upload(w, &o, 70000), 0);
	strcpy(id, w->blob.id);
	assert_int_equal(store_blob_erase(w->store, id, "verifier", on_blob, w), 0);
	loop_until_stop(w->loop);
	assert_int_equal(w->err, TG_ENOENT);
	assert_int_equal(store_blob_erase(w->store, id, "uploader", on_blob, w), 0);
	loop_until_stop(w->loop);
	assert_int_equal(w->err, 0);
	assert_int_equal(w->blob.state, STORE_GONE);
	assert_string_equal(w->blob.cause, "erased");
	assert_true(w->blob.event[0] != '\0');
	assert_nothing_but_tombstones(w);
	assert_int_equal(store_blob_erase(w->store, id, NULL, on_blob, w), 0);
	loop_until_stop(w->loop);
	assert_int_equal(w->err, TG_EGONE);
	assert_string_equal(w->blob.cause, "erased");

	assert_int_equal(upload(w, &o, 70), 0);
	assert_int_equal(store_blob_erase(w->store, w->blob.id, NULL, on_blob, w), 0);
	loop_until_stop(w->loop);
	assert_int_equal(w->err, 0);
	assert_int_equal(store_blob_erase(w->store, "not an id", NULL, on_blob, w), TG_ENOENT);
}

static void take_after_the_deadline_is_gone_without_a_reaper(void **state)
{
	struct world *w = *state;
	struct store_put_opts o = put_opts("", false);
	char id[TOKEN_LEN + 1];

	o.ttl_s = 1;
	o.age_us = 800000;
	assert_int_equal(upload(w, &o, 100), 0);
	strcpy(id, w->blob.id);
	assert_true(w->blob.deadline_ms - w->blob.stored_at_ms <= 200);
	wait_until_ms(w, w->blob.deadline_ms);
	assert_int_equal(take(w, id, "verifier"), TG_EGONE);
	assert_string_equal(w->blob.cause, "expired");
	assert_nothing_but_tombstones(w);
}

static void take_abort_erases_the_rest(void **state)
{
	struct world *w = *state;
	struct store_put_opts o = put_opts("", false);

	for (int at = 0; at < 3; at++) {
		assert_int_equal(upload(w, &o, 5 * STORE_CHUNK_BYTES), 0);
		w->stop_after = at;
		assert_int_equal(take(w, w->blob.id, "verifier"), 0);
		if (at > 0)
			store_read_abort(w->take);
		assert_int_equal(store_blob_stat(w->store, w->blob.id, on_blob, w), 0);
		loop_until_stop(w->loop);
		assert_int_equal(w->blob.state, STORE_GONE);
		assert_string_equal(w->blob.cause, "consumed");
		assert_nothing_but_tombstones(w);
	}
}

static void take_by_two_at_once_is_won_by_one(void **state)
{
	struct world *w = *state, other = *w;
	struct store_put_opts o = put_opts("", false);
	size_t size[] = {100, 300000};

	for (int i = 0; i < 2; i++) {
		int err;
		assert_int_equal(upload(w, &o, size[i]), 0);
		other.begun = other.chunks = other.ended = 0;
		other.out = evbuffer_new();
		w->begun = w->chunks = w->ended = 0;
		w->take = store_read_take(w->store, w->blob.id, "verifier", &take_calls, w, &err);
		other.take = store_read_take(
			w->store, w->blob.id, "verifier2", &take_calls, &other, &err);
		while (w->ended == 0 || other.ended == 0)
			loop_until_stop(w->loop);
		assert_int_equal(w->err, 0);
		assert_int_equal(other.err, i == 0 ? TG_EGONE : TG_ECLAIMED);
		assert_int_equal(other.chunks, 0);
		assert_int_equal(evbuffer_get_length(other.out), 0);
		evbuffer_free(other.out);
	}
}

static void forget_before_the_answer_silences_it(void **state)
{
	struct world *w = *state;

	open_session(w);
	w->calls = 0;
	assert_int_equal(store_session_show(w->store, w->session.id, on_show, w), 0);
	store_forget(w->store, w);
	fence(w);
	assert_int_equal(w->calls, 0);
}

/* A store in which a take is allowed though the first chunk could not be read: nothing is passed on
 * as if it were whole, and what is left of the blob is ended. */
static void take_without_its_first_chunk_is_an_error(void **state)
{
	static const char stub[] =
		"#!lua name=timeglas_2\n"
		"redis.register_function('tg2_time', function() return '0\\n1' end)\n"
		"redis.register_function('tg2_stat', function() return '5' end)\n"
		"redis.register_function('tg2_take', function(k, a)\n"
		"  return '0\\n' .. a[1] .. '\\tlive\\tu\\t v \\t\\t0\\t' .. redis.call('GET', "
		"'n') .. '\\t' .. redis.call('GET', 'size')\n"
		"    .. '\\t1\\t2\\ttag liveness 0\\t- -\\t\\t\\t\\t' .. redis.call('GET', 'head') "
		"end)\n"
		"redis.register_function('tg2_take_end', function(k, a) redis.call('SET', 'ended', "
		"a[1]) return '0' end)\n";
	static const struct {
		const char *head, *n, *size;
		int err;
	} blob[] = {{"384", "1", "100", TG_EINTERNAL}, {"", "3", "190000", TG_EGONE},
		{"384", "3", "190000", TG_EINTERNAL}, {"", "2", "60000", TG_EINTERNAL}};
	struct world *w = *state;
	char id[TOKEN_LEN + 1];

	redis_server_run_cmd(&w->redis, "FUNCTION LOAD REPLACE %s", stub);
	for (size_t i = 0; i < sizeof blob / sizeof *blob; i++) {
		redis_server_run_cmd(&w->redis, "DEL ended");
		redis_server_run_cmd(&w->redis, "SET n %s", blob[i].n);
		redis_server_run_cmd(&w->redis, "SET size %s", blob[i].size);
		redis_server_run_cmd(&w->redis, "SET head %s", blob[i].head);
		token_make(0, id);
		assert_int_equal(take(w, id, "v"), blob[i].err);
		assert_int_equal(w->chunks, 0);
		fence(w);
		assert_int_equal(redis_server_keys(&w->redis, "ended"), blob[i].head[0] == '\0');
	}
}

/* Waits until so many connections wait for the end of a pause. */
static void wait_until_paused(struct world *w, size_t n)
{
	for (size_t found = 0; found < n;) {
		redisReply *r = redis_server_do(&w->redis, "CLIENT LIST");

		found = 0;
		for (const char *at = r->str; (at = strstr(at, " flags=b")) != NULL; at++)
			found++;
		freeReplyObject(r);
		turn(w);
	}
}

/* The take's GET is carried out, the commit comes, and then the call that ends the blob. */
static void take_that_the_commit_overtakes_delivers(void **state)
{
	struct world *w = *state, other = *w;
	struct store_put_opts o = put_opts("", false);
	char id[TOKEN_LEN + 1];
	int err;

	connect_store(&other);
	other.out = evbuffer_new();
	for (int i = 0; i < 20; i++) {
		random_name(o.desc.name);
		assert_int_equal(desc_id(&o.desc, id), 0);
		assert_int_equal(begin(w, &o, 1000), 0);
		redis_server_run_cmd(&w->redis, "CLIENT PAUSE 10000 WRITE");
		assert_int_equal(store_put_commit(w->put, &o), 0);
		wait_until_paused(w, 1);
		other.begun = other.chunks = other.ended = 0;
		other.take =
			store_read_take(other.store, id, "verifier", &take_calls, &other, &err);
		assert_non_null(other.take);
		wait_until_paused(w, 2);
		redis_server_run_cmd(&w->redis, "CLIENT UNPAUSE");
		while (w->put != NULL || other.ended == 0)
			loop_until_stop(w->loop);
		assert_int_equal(w->err, 0);
		assert_int_equal(other.err, 0);
		assert_int_equal(evbuffer_get_length(other.out), 1000);
		fill(w, 1000);
		assert_memory_equal(
			evbuffer_pullup(w->in, -1), evbuffer_pullup(other.out, -1), 1000);
		evbuffer_drain(other.out, 1000);
	}
	evbuffer_free(other.out);
	store_free(other.store);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			take_blob_of_small_chunks_returns_it_once, setup, teardown),
		cmocka_unit_test_setup_teardown(take_small_blob_returns_it_once, setup, teardown),
		cmocka_unit_test_setup_teardown(
			take_blob_of_one_full_chunk_returns_it_once, setup, teardown),
		cmocka_unit_test_setup_teardown(
			take_blob_of_many_chunks_returns_it_once, setup, teardown),
		cmocka_unit_test_setup_teardown(
			session_open_then_show_lists_its_blobs, setup, teardown),
		cmocka_unit_test_setup_teardown(
			erase_asks_for_the_uploader_or_an_operator, setup, teardown),
		cmocka_unit_test_setup_teardown(
			take_after_the_deadline_is_gone_without_a_reaper, setup, teardown),
		cmocka_unit_test_setup_teardown(take_abort_erases_the_rest, setup, teardown),
		cmocka_unit_test_setup_teardown(take_by_two_at_once_is_won_by_one, setup, teardown),
		cmocka_unit_test_setup_teardown(
			forget_before_the_answer_silences_it, setup, teardown),
		cmocka_unit_test_setup_teardown(
			take_without_its_first_chunk_is_an_error, setup, teardown),
		cmocka_unit_test_setup_teardown(
			take_that_the_commit_overtakes_delivers, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
