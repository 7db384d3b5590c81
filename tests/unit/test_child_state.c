/*
 * Goal: the table of a child process's transitions keeps its promises in every pair of state and
 * event: what is not in the table ends the process with a message; a process is started only where
 * there is none; one that ends is either planned anew or gone for good; a worker is told to drain
 * once.
 */
#include "machine.h"
#include "master/child_state.h"

static int next(int state, int event)
{
	return machine_next(&child_state_table, state, event);
}

static void every_pair_has_a_next_state_or_aborts(void **state)
{
	(void)state;
	machine_check_pairs(&child_state_table, 10, 10);
}

static void a_process_is_started_only_where_there_is_none(void **state)
{
	(void)state;
	for (int s = 0; s < CHILD_STATE_COUNT; s++) {
		const bool runs = child_state_has_process((enum child_state)s);

		assert_int_equal(next(s, CHILD_EV_FORKED), runs ? -1 : CHILD_STATE_STARTED);
		assert_int_equal(next(s, CHILD_EV_FORK_FAILED), runs ? -1 : CHILD_STATE_PAUSED);
		assert_int_equal(next(s, CHILD_EV_ENDED), runs ? CHILD_STATE_PAUSED : -1);
		assert_int_equal(next(s, CHILD_EV_ENDED_FOR_GOOD), runs ? CHILD_STATE_ABSENT : -1);
	}
}

static void only_a_planned_restart_is_cancelled(void **state)
{
	(void)state;
	for (int s = 0; s < CHILD_STATE_COUNT; s++)
		assert_int_equal(next(s, CHILD_EV_RESTART_CANCELLED),
			s == CHILD_STATE_PAUSED ? CHILD_STATE_ABSENT : -1);
}

static void a_worker_is_told_to_drain_once(void **state)
{
	(void)state;
	assert_int_equal(next(CHILD_STATE_STARTED, CHILD_EV_DRAIN_SENT), CHILD_STATE_DRAINING);
	assert_int_equal(next(CHILD_STATE_ALIVE, CHILD_EV_DRAIN_SENT), CHILD_STATE_DRAINING);
	assert_int_equal(next(CHILD_STATE_DRAINING, CHILD_EV_DRAIN_SENT), -1);
	/* and a heartbeat makes nobody forget it */
	assert_int_equal(next(CHILD_STATE_DRAINING, CHILD_EV_HEARTBEAT), CHILD_STATE_DRAINING);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_pair_has_a_next_state_or_aborts),
		cmocka_unit_test(a_process_is_started_only_where_there_is_none),
		cmocka_unit_test(only_a_planned_restart_is_cancelled),
		cmocka_unit_test(a_worker_is_told_to_drain_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
