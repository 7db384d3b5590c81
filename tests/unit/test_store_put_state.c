/*
 * Goal: the table of transitions of an upload in the store keeps its promises in every pair of
 * state and event: what is not in the table ends the process with a message; a chunk is sent only
 * before the last one, and a commit only behind a chunk, once; its owner is told once.
 */
#include "machine.h"
#include "store/store_put_state.h"

static int next(int state, int event)
{
	return machine_next(&store_put_state_table, state, event);
}

static void every_pair_has_a_next_state_or_aborts(void **state)
{
	(void)state;
	machine_check_pairs(&store_put_state_table, 16, 40);
	machine_check_reached(&store_put_state_table, STORE_PUT_STATE_EMPTY);
}

static void chunks_are_sent_only_where_they_are_taken(void **state)
{
	(void)state;
	for (int s = 0; s < STORE_PUT_STATE_COUNT; s++) {
		const bool takes = store_put_state_takes_chunks((enum store_put_state)s);

		assert_int_equal(
			next(s, STORE_PUT_EV_CHUNK_SENT), takes ? STORE_PUT_STATE_SENDING : -1);
		/* the only chunk is kept, a last one stands behind others */
		assert_int_equal(next(s, STORE_PUT_EV_ONLY_CHUNK_KEPT),
			s == STORE_PUT_STATE_EMPTY ? STORE_PUT_STATE_HELD : -1);
		assert_int_equal(next(s, STORE_PUT_EV_LAST_CHUNK_SENT),
			s == STORE_PUT_STATE_SENDING ? STORE_PUT_STATE_COMPLETE : -1);
	}
}

static void a_refusal_before_the_commit_ends_the_upload_and_one_behind_it_waits(void **state)
{
	(void)state;
	for (int s = 0; s < STORE_PUT_STATE_COUNT; s++) {
		const bool open = store_put_state_is_open((enum store_put_state)s);
		const int behind = s == STORE_PUT_STATE_COMMITTING ? s : -1;

		assert_int_equal(
			next(s, STORE_PUT_EV_REFUSED), open ? STORE_PUT_STATE_FAILED : behind);
	}
	for (int e = 0; e < STORE_PUT_EVENT_COUNT; e++)
		assert_int_equal(next(STORE_PUT_STATE_FAILED, e), -1);
}

static void a_commit_follows_a_chunk_and_is_told_once(void **state)
{
	(void)state;
	for (int s = 0; s < STORE_PUT_STATE_COUNT; s++) {
		const bool decided = store_put_state_is_decided_by_store((enum store_put_state)s);
		const bool has_chunk = store_put_state_is_open((enum store_put_state)s) &&
			s != STORE_PUT_STATE_EMPTY;

		assert_int_equal(next(s, STORE_PUT_EV_COMMIT_SENT),
			has_chunk || s == STORE_PUT_STATE_COMMITTING ? STORE_PUT_STATE_COMMITTING :
								       -1);
		assert_int_equal(
			next(s, STORE_PUT_EV_TOLD), decided ? STORE_PUT_STATE_ANSWERED : -1);
		assert_int_equal(next(s, STORE_PUT_EV_ABORT_SENT),
			s == STORE_PUT_STATE_COMMITTING ? STORE_PUT_STATE_CLEANING : -1);
	}
	for (int e = 0; e < STORE_PUT_EVENT_COUNT; e++)
		assert_int_equal(next(STORE_PUT_STATE_ANSWERED, e), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_pair_has_a_next_state_or_aborts),
		cmocka_unit_test(chunks_are_sent_only_where_they_are_taken),
		cmocka_unit_test(
			a_refusal_before_the_commit_ends_the_upload_and_one_behind_it_waits),
		cmocka_unit_test(a_commit_follows_a_chunk_and_is_told_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
