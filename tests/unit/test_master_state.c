/*
 * Goal: the master's table of transitions keeps its promises in every pair of state and event: what
 * is not in the table ends the process with a message; a signal to stop may come in every state but
 * the last, and leads to the end; the order in which processes end is always the same; a server
 * that has begun to end never serves again.
 */
#include "child.h"
#include "master/master_state.h"

#define X_(name) #name,
static const char *const state_names[] = {MASTER_STATES(X_)};
static const char *const event_names[] = {MASTER_EVENTS(X_)};
#undef X_

/* What the table says, as every_pair_has_a_next_state_or_aborts() found; -1: illegal. */
static int next[MASTER_STATE_COUNT][MASTER_EVENT_COUNT];

struct pair {
	int s, e;
};

static int step(const void *pair)
{
	const struct pair *p = pair;

	return (int)master_state_next((enum master_state)p->s, (enum master_event)p->e);
}

/* Asks in a process of its own. Returns the next state; or -1 when it was ended by SIGABRT, behind
 * a message that names both. */
static int ask(int s, int e)
{
	char said[256];
	int status = child_run(step, &(struct pair){s, e}, said, sizeof said);

	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	assert_non_null(strstr(said, "timeglas: bug in master: the event "));
	assert_non_null(strstr(said, state_names[s]));
	assert_non_null(strstr(said, event_names[e]));
	return -1;
}

static void every_pair_has_a_next_state_or_aborts(void **state)
{
	unsigned legal = 0, illegal = 0;

	(void)state;
	for (int s = 0; s < MASTER_STATE_COUNT; s++)
		for (int e = 0; e < MASTER_EVENT_COUNT; e++) {
			next[s][e] = ask(s, e);
			assert_true(next[s][e] < MASTER_STATE_COUNT);
			legal += next[s][e] >= 0;
			illegal += next[s][e] < 0;
		}
	assert_true(legal > 20 && illegal > 50);
}

static void a_stop_is_taken_in_every_state_but_the_last(void **state)
{
	(void)state;
	for (int s = 0; s < MASTER_ENDED; s++) {
		assert_true(next[s][MASTER_EV_STOP] >= MASTER_DRAINING);
		/* the embedded Redis may end at any time, too */
		assert_true(next[s][MASTER_EV_STORE_ENDED] >= 0);
	}
	for (int e = 0; e < MASTER_EVENT_COUNT; e++)
		assert_int_equal(next[MASTER_ENDED][e], -1);
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
				next[s][order[i].event], s == order[i].from ? order[i].to : -1);
}

static void a_server_that_ends_never_serves_again(void **state)
{
	(void)state;
	for (int s = 0; s < MASTER_STATE_COUNT; s++)
		for (int e = 0; e < MASTER_EVENT_COUNT; e++)
			if (!master_state_is_up((enum master_state)s) && next[s][e] >= 0) {
				assert_false(master_state_is_up((enum master_state)next[s][e]));
				assert_true(next[s][e] >= s);
			}
}

static void a_redis_that_ended_while_serving_is_checked_before_it_counts(void **state)
{
	(void)state;
	assert_int_equal(next[MASTER_RUNNING][MASTER_EV_STORE_ENDED], MASTER_RECHECKING);
	for (int e = 0; e < MASTER_EVENT_COUNT; e++)
		assert_true(next[MASTER_RECHECKING][e] != MASTER_RUNNING ||
			e == MASTER_EV_STORE_CHECKED);
}

static void every_state_is_reached(void **state)
{
	bool reached[MASTER_STATE_COUNT] = {[MASTER_STARTING] = true};

	(void)state;
	for (int round = 0; round < MASTER_STATE_COUNT; round++)
		for (int s = 0; s < MASTER_STATE_COUNT; s++)
			for (int e = 0; reached[s] && e < MASTER_EVENT_COUNT; e++)
				if (next[s][e] >= 0)
					reached[next[s][e]] = true;
	for (int s = 0; s < MASTER_STATE_COUNT; s++)
		assert_true(reached[s]);
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
