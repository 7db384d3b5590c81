/*
 * Goal: the master's table of transitions keeps its promises in every pair of state and event: what
 * is not in the table ends the process with a message; a signal to stop may come in every state but
 * the last, and leads to the end; the order in which processes end is always the same; a server
 * that has begun to end never serves again.
 */
#include "machine.h"
#include "master/master_state.h"

static int next(int state, int event)
{
	return machine_next(&master_state_table, state, event);
}

static void every_pair_has_a_next_state_or_aborts(void **state)
{
	(void)state;
	machine_check_pairs(&master_state_table, 20, 50);
}

static void a_stop_is_taken_in_every_state_but_the_last(void **state)
{
	(void)state;
	for (int s = 0; s < MASTER_ENDED; s++) {
		assert_true(next(s, MASTER_EV_STOP) >= MASTER_DRAINING);
		/* the embedded Redis may end at any time, too */
		assert_true(next(s, MASTER_EV_STORE_ENDED) >= 0);
	}
	for (int e = 0; e < MASTER_EVENT_COUNT; e++)
		assert_int_equal(next(MASTER_ENDED, e), -1);
}

static void processes_end_in_one_order(void **state)
{
	static const struct {
		int from, event, to;
	} order[] = {
		{MASTER_DRAINING, MASTER_EV_DRAINED, MASTER_ENDING_WORKERS},
		{MASTER_ENDING_WORKERS, MASTER_EV_WORKERS_ENDED, MASTER_ENDING_REAPER},
		{MASTER_ENDING_REAPER, MASTER_EV_REAPER_ENDED, MASTER_ENDING_RECORDER},
		{MASTER_ENDING_RECORDER, MASTER_EV_RECORDER_ENDED, MASTER_ENDING_STORE},
		{MASTER_ENDING_STORE, MASTER_EV_STORE_GONE, MASTER_ENDED},
	};

	(void)state;
	for (size_t i = 0; i < sizeof order / sizeof *order; i++)
		for (int s = 0; s < MASTER_STATE_COUNT; s++)
			assert_int_equal(
				next(s, order[i].event), s == order[i].from ? order[i].to : -1);
}

static void a_server_that_ends_never_serves_again(void **state)
{
	(void)state;
	for (int s = 0; s < MASTER_STATE_COUNT; s++)
		for (int e = 0; e < MASTER_EVENT_COUNT; e++)
			if (!master_state_is_up((enum master_state)s) && next(s, e) >= 0) {
				assert_false(master_state_is_up((enum master_state)next(s, e)));
				assert_true(next(s, e) >= s);
			}
}

static void a_redis_that_ended_while_serving_is_checked_before_it_counts(void **state)
{
	(void)state;
	assert_int_equal(next(MASTER_RUNNING, MASTER_EV_STORE_ENDED), MASTER_RECHECKING);
	for (int e = 0; e < MASTER_EVENT_COUNT; e++)
		assert_true(next(MASTER_RECHECKING, e) != MASTER_RUNNING ||
			e == MASTER_EV_STORE_CHECKED);
}

static void every_state_is_reached(void **state)
{
	(void)state;
	machine_check_reached(&master_state_table, MASTER_STARTING);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_pair_has_a_next_state_or_aborts),
		cmocka_unit_test(a_stop_is_taken_in_every_state_but_the_last),
		cmocka_unit_test(processes_end_in_one_order),
		cmocka_unit_test(a_server_that_ends_never_serves_again),
		cmocka_unit_test(a_redis_that_ended_while_serving_is_checked_before_it_counts),
		cmocka_unit_test(every_state_is_reached),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
