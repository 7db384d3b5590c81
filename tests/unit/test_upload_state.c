/*
 * Goal: the table of an upload's transitions keeps its promises in every pair of state and event:
 * what is not in the table ends the process with a message; whatever happens, a request that ends
 * ends the upload; no content is taken before what is asked for first was answered; a commit
 * follows only complete content.
 */
#include "machine.h"
#include "api/upload_state.h"

static bool allows(enum upload_state s, enum upload_event e)
{
	return transitions_allow(&upload_state_table, s, e);
}

static void every_pair_has_a_next_state_or_aborts(void **state)
{
	(void)state;
	machine_check_pairs(&upload_state_table, 40, 100);
}

static void the_end_of_the_request_ends_every_upload(void **state)
{
	(void)state;
	for (int s = 0; s < UPLOAD_ENDED; s++)
		assert_int_equal(
			upload_state_next((enum upload_state)s, UPLOAD_EV_GONE), UPLOAD_ENDED);
	for (int e = 0; e < UPLOAD_EVENT_COUNT; e++)
		assert_false(allows(UPLOAD_ENDED, (enum upload_event)e));
}

static void every_upload_that_is_not_answered_can_be_refused_once(void **state)
{
	(void)state;
	for (int s = 0; s < UPLOAD_ANSWERED; s++)
		assert_int_equal(upload_state_next((enum upload_state)s, UPLOAD_EV_REFUSED),
			UPLOAD_ANSWERED);
	assert_false(allows(UPLOAD_ANSWERED, UPLOAD_EV_REFUSED));
	assert_false(allows(UPLOAD_ANSWERED, UPLOAD_EV_STORED));
}

static void content_is_taken_in_two_states_alone(void **state)
{
	(void)state;
	for (int s = 0; s < UPLOAD_STATE_COUNT; s++) {
		const bool takes = s == UPLOAD_RECEIVING || s == UPLOAD_COMPARING;

		assert_int_equal(allows((enum upload_state)s, UPLOAD_EV_BODY), takes);
		assert_int_equal(allows((enum upload_state)s, UPLOAD_EV_END), takes);
	}
}

static void only_complete_content_is_committed(void **state)
{
	(void)state;
	for (int s = 0; s < UPLOAD_STATE_COUNT; s++)
		assert_int_equal(
			allows((enum upload_state)s, UPLOAD_EV_COMMIT_SENT), s == UPLOAD_COMPLETE);
	assert_int_equal(upload_state_next(UPLOAD_RECEIVING, UPLOAD_EV_END), UPLOAD_COMPLETE);
}

/* What the state's owner gives up on leaving is told by these: they have to agree with the table.
 */
static void what_a_state_owns_is_told(void **state)
{
	(void)state;
	for (int i = 0; i < UPLOAD_STATE_COUNT; i++) {
		const enum upload_state s = (enum upload_state)i;

		/* a chunk is sent, or may be, only where there is a put */
		if (allows(s, UPLOAD_EV_ROOM)) {
			assert_true(upload_state_has_put(s));
			assert_true(upload_state_may_stall(s));
		}
		/* whoever waits for an answer with the upload as its context takes no content */
		if (upload_state_asks(s)) {
			assert_false(allows(s, UPLOAD_EV_BODY));
			assert_false(upload_state_has_put(s));
		}
		/* a key is settled, or given up, by whoever holds it */
		if (allows(s, UPLOAD_EV_SETTLE_SENT))
			assert_true(upload_state_holds_key(s));
	}
	assert_false(upload_state_holds_key(UPLOAD_NAMING));
	assert_false(upload_state_holds_key(UPLOAD_SETTLING));
	assert_false(upload_state_holds_key(UPLOAD_COMPARING));
}

static void every_state_is_reached(void **state)
{
	(void)state;
	machine_check_reached(&upload_state_table, UPLOAD_STARTING);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_pair_has_a_next_state_or_aborts),
		cmocka_unit_test(the_end_of_the_request_ends_every_upload),
		cmocka_unit_test(every_upload_that_is_not_answered_can_be_refused_once),
		cmocka_unit_test(content_is_taken_in_two_states_alone),
		cmocka_unit_test(only_complete_content_is_committed),
		cmocka_unit_test(what_a_state_owns_is_told),
		cmocka_unit_test(every_state_is_reached),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
