/*
 * Goal: a full Redis, a lost connection and a library that is gone: each callback comes exactly
 * once, and nothing is left behind. The store's calls against a real Redis.
 */
#include "store_fixture.h"

static void full_store_refuses_uploads_and_still_erases(void **state)
{
	struct world *w = *state;
	struct store_put_opts o = put_opts("", false), bound;
	char small[TOKEN_LEN + 1], large[TOKEN_LEN + 1], third[TOKEN_LEN + 1];

	open_session(w);
	bound = put_opts(w->session.id, true);
	assert_int_equal(upload(w, &bound, 500), 0);
	assert_int_equal(upload(w, &o, 500), 0);
	strcpy(small, w->blob.id);
	assert_int_equal(upload(w, &o, 500000), 0);
	strcpy(large, w->blob.id);
	assert_int_equal(upload(w, &o, 500), 0);
	strcpy(third, w->blob.id);
	size_t before = redis_server_chunks(&w->redis, "*");
	redis_server_run_cmd(&w->redis, "CONFIG SET maxmemory 1");

	assert_int_equal(upload(w, &o, 500), TG_EFULL);
	assert_int_equal(upload(w, &o, 500000), TG_EFULL);
	assert_int_equal(w->refused, 1);
	assert_int_equal(store_session_open(w->store, "uploader", "", 600, on_session, w), 0);
	loop_until_stop(w->loop);
	assert_int_equal(w->err, TG_EFULL);
	assert_int_equal(redis_server_chunks(&w->redis, "*"), before);

	assert_int_equal(
		store_session_touch(w->store, w->session.id, "uploader", on_session, w), 0);
	loop_until_stop(w->loop);
	assert_int_equal(w->err, 0);
	assert_int_equal(store_blob_stat(w->store, small, on_blob, w), 0);
	loop_until_stop(w->loop);
	assert_int_equal(w->err, 0);
	assert_int_equal(take(w, small, "verifier"), 0);
	assert_int_equal(take(w, large, "verifier"), 0);
	assert_int_equal(w->chunks, 8);
	assert_int_equal(store_blob_erase(w->store, third, "uploader", on_blob, w), 0);
	loop_until_stop(w->loop);
	assert_int_equal(w->err, 0);
	assert_int_equal(store_session_close(w->store, w->session.id, NULL, true, on_show, w), 0);
	loop_until_stop(w->loop);
	assert_int_equal(w->err, 0);
	assert_int_equal(w->n_blobs, 1);
	assert_int_equal(reap(w), 0);
	assert_nothing_but_tombstones(w);
}

static void full_store_in_the_middle_of_an_upload_is_told_once(void **state)
{
	struct world *w = *state;
	struct store_put_opts o = put_opts("", false);

	assert_int_equal(begin(w, &o, 1000 * STORE_CHUNK_BYTES), 0);
	while (redis_server_chunks(&w->redis, "*") < 2)
		turn(w);
	redis_server_run_cmd(&w->redis, "CONFIG SET maxmemory 1");
	while (w->put != NULL)
		loop_until_stop(w->loop);
	assert_int_equal(w->err, TG_EFULL);
	assert_int_equal(w->refused, 1);
	while (redis_server_keys(&w->redis, "tg:*:b:*") > 0)
		turn(w);
	assert_nothing_but_tombstones(w);
}

static void connection_lost_in_flight_answers_each_call_once(void **state)
{
	struct world *w = *state;
	struct store_put_opts o = put_opts("", false);
	char id[TOKEN_LEN + 1];
	int err;

	assert_int_equal(upload(w, &o, 300000), 0);
	strcpy(id, w->blob.id);
	kill(w->redis.pid, SIGSTOP);
	w->calls = 0;
	assert_int_equal(store_blob_stat(w->store, id, on_blob, w), 0);
	assert_int_equal(store_session_show(w->store, id, on_show, w), 0);
	assert_int_equal(begin(w, &o, 1000), 0);
	assert_int_equal(store_put_commit(w->put, &o), 0);
	w->begun = w->chunks = w->ended = 0;
	w->take = store_read_take(w->store, id, "verifier", &take_calls, w, &err);
	assert_non_null(w->take);
	assert_int_equal(w->calls, 0);
	redis_server_kill(&w->redis);
	while (w->downs == 0)
		turn(w);
	assert_int_equal(w->calls, 3);
	assert_int_equal(w->begun, 1);
	assert_int_equal(w->ended, 1);
	assert_int_equal(w->err, TG_ESTORE);
	assert_null(w->put);
	assert_false(store_up(w->store));
	assert_int_equal(store_blob_stat(w->store, id, on_blob, w), TG_ESTORE);
	assert_null(store_put_new(w->store, &o, &put_calls, w, &err));
	assert_int_equal(err, TG_ESTORE);

	redis_server_run(&w->redis); /* empty, and without the library */
	while (w->ups < 2)
		turn(w);
	assert_int_equal(upload(w, &o, 300), 0);
	assert_int_equal(w->calls, 4);
	assert_int_equal(w->downs, 1);
}

static void library_gone_is_loaded_again(void **state)
{
	struct world *w = *state;
	struct store_put_opts o = put_opts("", false);

	redis_server_run_cmd(&w->redis, "FUNCTION FLUSH");
	assert_int_equal(store_session_open(w->store, "uploader", NULL, 600, on_session, w), 0);
	loop_until_stop(w->loop);
	assert_int_equal(w->err, TG_ESTORE);
	fence(w);
	assert_int_equal(upload(w, &o, 100), 0);
	end_all(w);
	assert_nothing_but_tombstones(w);
}

/* An abort that Redis refuses is sent again, or a chunk would stand there without an entry in the
 * index until Redis itself expires it. */
static void library_gone_in_an_upload_leaves_nothing(void **state)
{
	struct world *w = *state;
	struct store_put_opts o = put_opts("", false);

	assert_int_equal(begin(w, &o, 3 * STORE_CHUNK_BYTES), 0);
	while (redis_server_chunks(&w->redis, "*") < 2)
		turn(w);
	redis_server_run_cmd(&w->redis, "FUNCTION FLUSH");
	store_put_abort(w->put);
	w->put = NULL;
	for (int i = 0; i < 3000 && redis_server_chunks(&w->redis, "*") > 0; i++)
		turn(w);
	assert_int_equal(redis_server_chunks(&w->redis, "*"), 0);
	assert_int_equal(redis_server_keys(&w->redis, "tg:*:b:*"), 0);
	end_all(w); /* what a stalled worker may have written since is looked for later */
	assert_nothing_but_tombstones(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			full_store_refuses_uploads_and_still_erases, setup, teardown),
		cmocka_unit_test_setup_teardown(
			full_store_in_the_middle_of_an_upload_is_told_once, setup, teardown),
		cmocka_unit_test_setup_teardown(
			connection_lost_in_flight_answers_each_call_once, setup, teardown),
		cmocka_unit_test_setup_teardown(library_gone_is_loaded_again, setup, teardown),
		cmocka_unit_test_setup_teardown(
			library_gone_in_an_upload_leaves_nothing, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
