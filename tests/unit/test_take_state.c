/*
 * Goal: the table of the transitions of a blob's bytes on their way to a reader keeps its promises
 * in every pair of state and event: what is not in the table ends the process with a message;
 * whatever happens, a request that ends ends the take; whatever is on its way to a reader can be
 * revoked; a problem is answered only before the answer has begun.
 */
#include "machine.h"
#include "api/take_state.h"

static bool allows(int s, int e)
{
	return transitions_allow(&take_state_table, (unsigned)s, (unsigned)e);
}

static enum take_state after(int s, enum take_event e)
{
	return take_state_next((enum take_state)s, e);
}

static void every_pair_has_a_next_state_or_aborts(void **state)
{
	(void)state;
	machine_check_pairs(&take_state_table, 20, 40);
}

static void the_end_of_the_request_ends_every_take(void **state)
{
	(void)state;
	for (int s = 0; s < TAKE_ENDED; s++)
		assert_int_equal(after(s, TAKE_EV_GONE), TAKE_ENDED);
	for (int e = 0; e < TAKE_EVENT_COUNT; e++)
		assert_false(allows(TAKE_ENDED, e));
}

static void what_is_on_its_way_can_be_revoked_and_nothing_else(void **state)
{
	(void)state;
	for (int s = 0; s < TAKE_STATE_COUNT; s++) {
		const bool on_its_way = s == TAKE_FIRST || s == TAKE_READING || s == TAKE_WAITING ||
			s == TAKE_DELIVERING;

		assert_int_equal(allows(s, TAKE_EV_REVOKED), on_its_way);
		assert_int_equal(take_state_watches((enum take_state)s), on_its_way);
		if (on_its_way)
			assert_int_equal(after(s, TAKE_EV_REVOKED), TAKE_RESET);
	}
}

static void a_problem_is_answered_only_before_the_answer_has_begun(void **state)
{
	(void)state;
	for (int s = 0; s < TAKE_STATE_COUNT; s++)
		assert_int_equal(allows(s, TAKE_EV_REFUSED), s == TAKE_OPENING || s == TAKE_FIRST);
	assert_int_equal(after(TAKE_READING, TAKE_EV_BROKEN), TAKE_RESET);
}

static void a_chunk_comes_only_where_one_was_asked_for(void **state)
{
	(void)state;
	for (int i = 0; i < TAKE_STATE_COUNT; i++) {
		const enum take_state s = (enum take_state)i;
		const bool asked = s == TAKE_FIRST || s == TAKE_READING;

		assert_int_equal(allows(s, TAKE_EV_CHUNK), asked);
		assert_int_equal(allows(s, TAKE_EV_LAST), asked);
		/* and only a read that is there can bring one */
		if (asked)
			assert_true(take_state_has_read(s));
	}
	/* one at a time */
	assert_int_equal(after(TAKE_READING, TAKE_EV_ROOM), TAKE_READING);
	assert_int_equal(after(TAKE_WAITING, TAKE_EV_ROOM), TAKE_READING);
}

static void nothing_is_read_after_the_last_chunk_or_the_end(void **state)
{
	(void)state;
	for (int s = TAKE_DELIVERING; s < TAKE_STATE_COUNT; s++)
		assert_false(take_state_has_read((enum take_state)s));
	assert_true(take_state_has_read(TAKE_OPENING));
	assert_true(take_state_has_read(TAKE_WAITING));
}

static void every_state_is_reached(void **state)
{
	(void)state;
	machine_check_reached(&take_state_table, TAKE_OPENING);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_pair_has_a_next_state_or_aborts),
		cmocka_unit_test(the_end_of_the_request_ends_every_take),
		cmocka_unit_test(what_is_on_its_way_can_be_revoked_and_nothing_else),
		cmocka_unit_test(a_problem_is_answered_only_before_the_answer_has_begun),
		cmocka_unit_test(a_chunk_comes_only_where_one_was_asked_for),
		cmocka_unit_test(nothing_is_read_after_the_last_chunk_or_the_end),
		cmocka_unit_test(every_state_is_reached),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
