/*
 * Goal: the table of a child process's transitions keeps its promises in every pair of state and
 * event: what is not in the table ends the process with a message; a process is started only where
 * there is none; one that ends is either planned anew or gone for good; a worker is told to drain
 * once.
 */
#include "child.h"
#include "master/child_state.h"

/* What the table says, as every_pair_has_a_next_state_or_aborts() found; -1: illegal. */
static int next[CHILD_STATE_COUNT][CHILD_EVENT_COUNT];

struct pair {
	int s, e;
};

static int step(const void *pair)
{
	const struct pair *p = pair;

	return (int)child_state_next((enum child_state)p->s, (enum child_event)p->e);
}

static int ask(int s, int e)
{
	char said[256];
	int status = child_run(step, &(struct pair){s, e}, said, sizeof said);

	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	assert_non_null(strstr(said, "timeglas: bug in child: the event "));
	return -1;
}

static void every_pair_has_a_next_state_or_aborts(void **state)
{
	unsigned legal = 0, illegal = 0;

	(void)state;
	for (int s = 0; s < CHILD_STATE_COUNT; s++)
		for (int e = 0; e < CHILD_EVENT_COUNT; e++) {
			next[s][e] = ask(s, e);
			assert_true(next[s][e] < CHILD_STATE_COUNT);
			legal += next[s][e] >= 0;
			illegal += next[s][e] < 0;
		}
	assert_true(legal > 10 && illegal > 10);
}

static void a_process_is_started_only_where_there_is_none(void **state)
{
	(void)state;
	for (int s = 0; s < CHILD_STATE_COUNT; s++) {
		const bool runs = child_state_has_process((enum child_state)s);

		assert_int_equal(next[s][CHILD_EV_FORKED], runs ? -1 : CHILD_STATE_STARTED);
		assert_int_equal(next[s][CHILD_EV_FORK_FAILED], runs ? -1 : CHILD_STATE_PAUSED);
		assert_int_equal(next[s][CHILD_EV_ENDED], runs ? CHILD_STATE_PAUSED : -1);
		assert_int_equal(next[s][CHILD_EV_ENDED_FOR_GOOD], runs ? CHILD_STATE_ABSENT : -1);
	}
}

static void only_a_planned_restart_is_cancelled(void **state)
{
	(void)state;
	for (int s = 0; s < CHILD_STATE_COUNT; s++)
		assert_int_equal(next[s][CHILD_EV_RESTART_CANCELLED],
			s == CHILD_STATE_PAUSED ? CHILD_STATE_ABSENT : -1);
}

static void a_worker_is_told_to_drain_once(void **state)
{
	(void)state;
	assert_int_equal(next[CHILD_STATE_STARTED][CHILD_EV_DRAIN_SENT], CHILD_STATE_DRAINING);
	assert_int_equal(next[CHILD_STATE_ALIVE][CHILD_EV_DRAIN_SENT], CHILD_STATE_DRAINING);
	assert_int_equal(next[CHILD_STATE_DRAINING][CHILD_EV_DRAIN_SENT], -1);
	/* and a heartbeat makes nobody forget it */
	assert_int_equal(next[CHILD_STATE_DRAINING][CHILD_EV_HEARTBEAT], CHILD_STATE_DRAINING);
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
