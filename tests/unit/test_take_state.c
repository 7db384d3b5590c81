/*
 * Goal: the table of the transitions of a blob's bytes on their way to a reader keeps its promises
 * in every pair of state and event: what is not in the table ends the process with a message;
 * whatever happens, a request that ends ends the take; whatever is on its way to a reader can be
 * revoked; a problem is answered only before the answer has begun.
 */
#include "child.h"
#include "api/take_state.h"

struct pair {
	enum take_state s;
	enum take_event e;
};

static int step(const void *pair)
{
	const struct pair *p = pair;

	take_state_next(p->s, p->e);
	return 0;
}

static void assert_aborts(enum take_state s, enum take_event e)
{
	char said[256];
	int status = child_run(step, &(struct pair){s, e}, said, sizeof said);

	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	assert_non_null(strstr(said, "timeglas: bug in take: the event "));
}

static void every_pair_has_a_next_state_or_aborts(void **state)
{
	unsigned legal = 0, illegal = 0;

	(void)state;
	for (int i = 0; i < TAKE_STATE_COUNT; i++)
		for (int k = 0; k < TAKE_EVENT_COUNT; k++) {
			const enum take_state s = (enum take_state)i;
			const enum take_event e = (enum take_event)k;

			if (take_state_allows(s, e)) {
				assert_in_range(take_state_next(s, e), 0, TAKE_STATE_COUNT - 1);
				legal++;
			} else {
				assert_aborts(s, e);
				illegal++;
			}
		}
	assert_true(legal > 20 && illegal > 40);
}

static void the_end_of_the_request_ends_every_take(void **state)
{
	(void)state;
	for (int s = 0; s < TAKE_ENDED; s++)
		assert_int_equal(take_state_next((enum take_state)s, TAKE_EV_GONE), TAKE_ENDED);
	for (int e = 0; e < TAKE_EVENT_COUNT; e++)
		assert_false(take_state_allows(TAKE_ENDED, (enum take_event)e));
}

static void what_is_on_its_way_can_be_revoked_and_nothing_else(void **state)
{
	(void)state;
	for (int s = 0; s < TAKE_STATE_COUNT; s++) {
		const bool on_its_way = s == TAKE_FIRST || s == TAKE_READING || s == TAKE_WAITING ||
			s == TAKE_DELIVERING;

		assert_int_equal(
			take_state_allows((enum take_state)s, TAKE_EV_REVOKED), on_its_way);
		assert_int_equal(take_state_watches((enum take_state)s), on_its_way);
		if (on_its_way)
			assert_int_equal(
				take_state_next((enum take_state)s, TAKE_EV_REVOKED), TAKE_RESET);
	}
}

static void a_problem_is_answered_only_before_the_answer_has_begun(void **state)
{
	(void)state;
	for (int s = 0; s < TAKE_STATE_COUNT; s++)
		assert_int_equal(take_state_allows((enum take_state)s, TAKE_EV_REFUSED),
			s == TAKE_OPENING || s == TAKE_FIRST);
	assert_int_equal(take_state_next(TAKE_READING, TAKE_EV_BROKEN), TAKE_RESET);
}

static void a_chunk_comes_only_where_one_was_asked_for(void **state)
{
	(void)state;
	for (int i = 0; i < TAKE_STATE_COUNT; i++) {
		const enum take_state s = (enum take_state)i;
		const bool asked = s == TAKE_FIRST || s == TAKE_READING;

		assert_int_equal(take_state_allows(s, TAKE_EV_CHUNK), asked);
		assert_int_equal(take_state_allows(s, TAKE_EV_LAST), asked);
		/* and only a read that is there can bring one */
		if (asked)
			assert_true(take_state_has_read(s));
	}
	/* one at a time */
	assert_int_equal(take_state_next(TAKE_READING, TAKE_EV_ROOM), TAKE_READING);
	assert_int_equal(take_state_next(TAKE_WAITING, TAKE_EV_ROOM), TAKE_READING);
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
	bool reached[TAKE_STATE_COUNT] = {[TAKE_OPENING] = true};

	(void)state;
	for (int round = 0; round < TAKE_STATE_COUNT; round++)
		for (int s = 0; s < TAKE_STATE_COUNT; s++)
			for (int e = 0; reached[s] && e < TAKE_EVENT_COUNT; e++)
				if (take_state_allows((enum take_state)s, (enum take_event)e))
					reached[take_state_next(
						(enum take_state)s, (enum take_event)e)] = true;
	for (int s = 0; s < TAKE_STATE_COUNT; s++)
		assert_true(reached[s]);
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
