/*
 * Goal: the tables of a stream, of a connection of http or the admin plane, and of http's requests
 * keep their promises in every pair of state and event: what is not in a table ends the process
 * with a message; a connection can be ended in every state, and lives no more then; a closed
 * request is never answered. (The drawings are compared with the tables by
 * tests/tools/test_states.py.)
 */
#include "admin/plane_state.h"
#include "http/httpd_conn_state.h"
#include "http/httpd_req_state.h"
#include "machine.h"
#include "net/stream_state.h"

static void every_pair_of_a_connection_has_a_next_state_or_aborts(void **state)
{
	(void)state;
	machine_check_pairs(&httpd_conn_state_table, 8, 8);
	machine_check_reached(&httpd_conn_state_table, HTTPD_CONN_HANDSHAKE);
}

static void every_pair_of_a_request_has_a_next_state_or_aborts(void **state)
{
	(void)state;
	machine_check_pairs(&httpd_req_state_table, 8, 8);
	machine_check_reached(&httpd_req_state_table, HTTPD_REQ_IDLE);
}

static void every_pair_of_a_stream_has_a_next_state_or_aborts(void **state)
{
	(void)state;
	machine_check_pairs(&stream_state_table, 10, 15);
	machine_check_reached(&stream_state_table, STREAM_STATE_CONNECTING);
}

static void every_pair_of_an_admin_connection_has_a_next_state_or_aborts(void **state)
{
	(void)state;
	machine_check_pairs(&plane_state_table, 12, 10);
	machine_check_reached(&plane_state_table, PLANE_IDLE);
}

static void a_stream_is_freed_once_from_every_state(void **state)
{
	(void)state;
	for (int s = 0; s < STREAM_STATE_COUNT; s++)
		assert_int_equal(machine_next(&stream_state_table, s, STREAM_EV_FREE),
			s == STREAM_STATE_FREED ? -1 : STREAM_STATE_FREED);
	for (int e = 0; e < STREAM_EVENT_COUNT; e++) /* its end is told once */
		assert_true(e == STREAM_EV_FREE ||
			machine_next(&stream_state_table, STREAM_STATE_ENDED, e) < 0);
}

static void an_admin_connection_can_be_ended_in_every_state_for_good(void **state)
{
	static const int ends[] = {PLANE_EV_LATE, PLANE_EV_GONE, PLANE_EV_EVICTED};

	(void)state;
	for (size_t i = 0; i < LEN(ends); i++)
		for (int s = 0; s < PLANE_OVER; s++)
			assert_int_equal(machine_next(&plane_state_table, s, ends[i]), PLANE_OVER);
	for (int e = 0; e < PLANE_EVENT_COUNT; e++)
		assert_int_equal(machine_next(&plane_state_table, PLANE_OVER, e), -1);
}

static void a_connection_can_be_killed_in_every_state_for_good(void **state)
{
	(void)state;
	for (int s = 0; s < HTTPD_CONN_N_STATES; s++)
		assert_int_equal(machine_next(&httpd_conn_state_table, s, HTTPD_CONN_ON_KILL),
			HTTPD_CONN_DEAD);
	for (int e = 0; e < HTTPD_CONN_N_EVENTS; e++)
		assert_true(e == HTTPD_CONN_ON_KILL ||
			machine_next(&httpd_conn_state_table, HTTPD_CONN_DEAD, e) < 0);
}

static void a_closed_request_is_never_answered(void **state)
{
	(void)state;
	for (int e = 0; e < HTTPD_REQ_N_EVENTS; e++)
		assert_int_equal(machine_next(&httpd_req_state_table, HTTPD_REQ_CLOSED, e), -1);
	for (int s = 0; s < HTTPD_REQ_N_STATES; s++)
		assert_int_equal(machine_next(&httpd_req_state_table, s, HTTPD_REQ_ON_SENT),
			s == HTTPD_REQ_SEND ? HTTPD_REQ_IDLE : -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_pair_of_a_connection_has_a_next_state_or_aborts),
		cmocka_unit_test(every_pair_of_a_request_has_a_next_state_or_aborts),
		cmocka_unit_test(every_pair_of_a_stream_has_a_next_state_or_aborts),
		cmocka_unit_test(every_pair_of_an_admin_connection_has_a_next_state_or_aborts),
		cmocka_unit_test(a_stream_is_freed_once_from_every_state),
		cmocka_unit_test(an_admin_connection_can_be_ended_in_every_state_for_good),
		cmocka_unit_test(a_connection_can_be_killed_in_every_state_for_good),
		cmocka_unit_test(a_closed_request_is_never_answered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
