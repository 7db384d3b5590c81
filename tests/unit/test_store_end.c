/*
 * Goal: what is due, crashed or closed is erased, in steps where there is much of it. The store's
 * calls against a real Redis.
 */
#include "check.h"
#include "store_fixture.h"

static void reap_at_the_deadline_erases_and_tells_how_late(void **state)
{
	struct world *w = *state;
	struct store_put_opts o = put_opts("", false);
	unsigned shard;
	char id[TOKEN_LEN + 1];

	o.ttl_s = 1;
	o.age_us = under_memcheck() ? 0 : 700000; /* there a first upload takes longer */
	assert_int_equal(upload(w, &o, 100000), 0);
	strcpy(id, w->blob.id);
	shard = (unsigned)token_shard(id, TOKEN_LEN);
	assert_int_equal(store_reap(w->store, shard, 10, 0, on_reap, w), 0);
	loop_until_stop(w->loop);
	assert_int_equal(w->reaped.erased, 0);
	assert_int_equal(w->reaped.next_ms, w->blob.deadline_ms);
	assert_false(w->reaped.more);
	wait_until_ms(w, w->blob.deadline_ms);
	assert_int_equal(store_reap(w->store, shard, 10, 0, on_reap, w), 0);
	loop_until_stop(w->loop);
	assert_int_equal(w->reaped.erased, 1);
	assert_int_equal(w->reaped.expired, 1);
	assert_int_equal(w->reaped.n_lateness, 1);
	assert_true(w->reaped.lateness_us[0] < 5000000);
	assert_int_equal(w->reaped.next_ms, 0);
	assert_nothing_but_tombstones(w);
	assert_int_equal(store_blob_stat(w->store, id, on_blob, w), 0);
	loop_until_stop(w->loop);
	assert_string_equal(w->blob.cause, "expired");
}

static void reap_after_a_crash_in_an_upload_wipes_it(void **state)
{
	struct world *w = *state;
	struct store_put_opts o = put_opts("", false);

	assert_int_equal(begin(w, &o, 3 * STORE_CHUNK_BYTES), 0);
	while (redis_server_chunks(&w->redis, "*") < 2)
		turn(w);
	crash(w);
	assert_true(redis_server_chunks(&w->redis, "*") >= 2);
	end_all(w);
	assert_nothing_but_tombstones(w);
	assert_int_equal(redis_server_int(&w->redis, "DBSIZE"), 1); /* the event */
}

static void reap_after_a_crash_in_a_take_ends_it_as_consumed(void **state)
{
	struct world *w = *state;
	struct store_put_opts o = put_opts("", false);
	char id[TOKEN_LEN + 1];

	assert_int_equal(upload(w, &o, 5 * STORE_CHUNK_BYTES), 0);
	strcpy(id, w->blob.id);
	w->stop_after = 2;
	assert_int_equal(take(w, id, "verifier"), 0);
	crash(w);
	assert_int_equal(take(w, id, "verifier2"), TG_ECLAIMED);
	assert_int_equal(redis_server_chunks(&w->redis, "*"), 3);
	end_all(w);
	assert_nothing_but_tombstones(w);
	assert_int_equal(take(w, id, "verifier2"), TG_EGONE);
	assert_string_equal(w->blob.cause, "consumed");
}

static void close_with_all_takes_more_than_one_step(void **state)
{
	struct world *w = *state;
	struct store_put_opts o;

	open_session(w);
	o = put_opts(w->session.id, false);
	for (int i = 0; i < 150; i++)
		assert_int_equal(upload(w, &o, 20), 0);
	assert_int_equal(
		store_session_close(w->store, w->session.id, "uploader", true, on_show, w), 0);
	loop_until_stop(w->loop);
	assert_int_equal(w->err, 0);
	assert_int_equal(w->n_blobs, 150);
	assert_nothing_but_tombstones(w);
}

static void close_with_all_goes_on_when_its_client_left(void **state)
{
	struct world *w = *state;
	struct store_put_opts o;

	open_session(w);
	o = put_opts(w->session.id, false);
	for (int i = 0; i < 150; i++)
		assert_int_equal(upload(w, &o, 100), 0);
	w->calls = 0;
	assert_int_equal(store_session_close(w->store, w->session.id, NULL, true, on_show, w), 0);
	store_forget(w->store, w);
	for (uint64_t end = clock_mono_us() + 5000000; redis_server_chunks(&w->redis, "*") > 0;) {
		assert_true(clock_mono_us() < end);
		turn(w);
	}
	assert_int_equal(w->calls, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			reap_at_the_deadline_erases_and_tells_how_late, setup, teardown),
		cmocka_unit_test_setup_teardown(
			reap_after_a_crash_in_an_upload_wipes_it, setup, teardown),
		cmocka_unit_test_setup_teardown(
			reap_after_a_crash_in_a_take_ends_it_as_consumed, setup, teardown),
		cmocka_unit_test_setup_teardown(
			close_with_all_goes_on_when_its_client_left, setup, teardown),
		cmocka_unit_test_setup_teardown(
			close_with_all_takes_more_than_one_step, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
