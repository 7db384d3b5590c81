/*
 * Goal: the recorder's table of transitions keeps its promises in every pair of state and event:
 * what is not in the table ends the process with a message; nothing is read or written but behind a
 * comparison with the store, under a lease; whatever happens, SIGTERM leads to the end.
 */
#include "machine.h"
#include "recorder/recorder_state.h"

#define S(name) RECORDER_##name
#define E(name) RECORDER_EV_##name

static int next(int state, int event)
{
	return state == S(ENDED) ? state : machine_next(&recorder_state_table, state, event);
}

static void every_pair_has_a_next_state_or_aborts(void **state)
{
	(void)state;
	machine_check_pairs(&recorder_state_table, 100, 100);
}

static bool allows(enum recorder_state s, enum recorder_event e)
{
	return next(s, e) >= 0;
}

static void each_transition(
	void (*check)(enum recorder_state from, enum recorder_event e, enum recorder_state to))
{
	for (int s = 0; s < RECORDER_STATE_COUNT; s++)
		for (int e = 0; e < RECORDER_EVENT_COUNT; e++)
			if (next(s, e) >= 0)
				check((enum recorder_state)s, (enum recorder_event)e,
					(enum recorder_state)next(s, e));
}

static void every_state_can_be_reached(void **state)
{
	(void)state;
	machine_check_reached(&recorder_state_table, S(KEYLESS));
}

static void check_settled(enum recorder_state from, enum recorder_event e, enum recorder_state to)
{
	if (recorder_state_is_settled(to) && !recorder_state_is_settled(from))
		assert_true(from == S(COMPARING) && e == E(SETTLED) && to == S(READY));
	if (recorder_state_is_settled(from) &&
		(e == E(LEASE_ELSEWHERE) || e == E(LEASE_LOST) || e == E(STORE_CHANGED) ||
			e == E(STORE_DOWN) || e == E(COMPARE_FAILED) || e == E(FILE_FAILED)))
		assert_false(recorder_state_is_settled(to));
}

static void rounds_need_a_comparison_and_a_lease(void **state)
{
	(void)state;
	each_transition(check_settled);
}

static bool is_writing(enum recorder_state s)
{
	return s == S(WRITING) || s == S(LAST_WRITING);
}

static void check_writing(enum recorder_state from, enum recorder_event e, enum recorder_state to)
{
	/* what is written was read by the same round */
	if (is_writing(to) && !is_writing(from))
		assert_true(
			e == E(ROUND_EVENTS) && (from == S(READING) || from == S(LAST_READING)));
	/* and is either written or dropped before the next one */
	if (is_writing(from) && recorder_state_is_settled(to) && !is_writing(to))
		assert_true(e == E(WRITTEN));
	if (e == E(BATCH_DECLARED) || e == E(WRITTEN))
		assert_true(is_writing(from) || from == S(ENDED));
}

static void a_batch_is_written_once_or_dropped(void **state)
{
	(void)state;
	each_transition(check_writing);
}

/* Once SIGTERM has come: none of these leads back. */
static bool is_last(enum recorder_state s)
{
	return s == S(LAST_READING) || s == S(LAST_WRITING) || s == S(RELEASING) || s == S(ENDED);
}

static void check_last(enum recorder_state from, enum recorder_event e, enum recorder_state to)
{
	if (e == E(STOP) || is_last(from))
		assert_true(is_last(to));
	if (e == E(STOP_DEADLINE))
		assert_true(to == S(ENDED));
	if (from == S(ENDED))
		assert_true(to == S(ENDED));
}

static void stop_leads_to_the_end_from_everywhere(void **state)
{
	(void)state;
	for (int s = 0; s < RECORDER_STATE_COUNT; s++)
		assert_true(allows((enum recorder_state)s, E(STOP)));
	each_transition(check_last);
	assert_true(allows(S(LAST_READING), E(STOP_DEADLINE)));
	assert_true(allows(S(LAST_WRITING), E(STOP_DEADLINE)));
	assert_true(allows(S(RELEASING), E(STOP_DEADLINE)));
}

/* What comes from outside, the clock, the connection and signals, comes at any time. */
static void what_comes_from_outside_is_expected_everywhere(void **state)
{
	(void)state;
	for (int i = 0; i < RECORDER_STATE_COUNT; i++) {
		const enum recorder_state s = (enum recorder_state)i;

		assert_true(allows(s, E(POLL)));
		assert_true(allows(s, E(STOP)));
		if (s != S(DISCONNECTED))
			assert_true(allows(s, E(STORE_DOWN)));
		else
			assert_true(allows(s, E(STORE_UP)));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_pair_has_a_next_state_or_aborts),
		cmocka_unit_test(every_state_can_be_reached),
		cmocka_unit_test(rounds_need_a_comparison_and_a_lease),
		cmocka_unit_test(a_batch_is_written_once_or_dropped),
		cmocka_unit_test(stop_leads_to_the_end_from_everywhere),
		cmocka_unit_test(what_comes_from_outside_is_expected_everywhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
