/*
 * test_scrub.c: a connection that carried bulk is scrubbed once it is quiet, once a second while it
 * is not, and never without need.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "redis/scrub.h"

#define MS UINT64_C(1000)
#define BEGIN (UINT64_C(77) * 1000000)

static void scrub_due_without_bulk_is_never(void **state)
{
	struct scrub s = {0};

	(void)state;
	assert_false(scrub_dirty(&s));
	assert_false(scrub_due(&s, BEGIN, false));
	assert_false(scrub_due(&s, BEGIN + 5000 * MS, true));
}

static void scrub_due_when_quiet_is_once(void **state)
{
	struct scrub s = {0};

	(void)state;
	scrub_bulk(&s, BEGIN);
	assert_true(scrub_dirty(&s));
	assert_false(scrub_due(&s, BEGIN + 99 * MS, false));
	assert_true(scrub_due(&s, BEGIN + 100 * MS, false));
	assert_false(scrub_dirty(&s));
	assert_false(scrub_due(&s, BEGIN + 3000 * MS, false));
}

static void scrub_due_with_answers_to_come_waits_for_them(void **state)
{
	struct scrub s = {0};

	(void)state;
	scrub_bulk(&s, BEGIN);
	assert_false(scrub_due(&s, BEGIN + 200 * MS, true));
	assert_true(scrub_due(&s, BEGIN + 300 * MS, false));
	assert_false(scrub_dirty(&s));
}

static void scrub_due_while_busy_is_once_a_second_and_stays_dirty(void **state)
{
	struct scrub s = {0};
	unsigned sent = 0;

	(void)state;
	for (uint64_t ms = 0; ms <= 5000; ms += 50) {
		scrub_bulk(&s, BEGIN + ms * MS);
		sent += scrub_due(&s, BEGIN + ms * MS, true);
		assert_true(scrub_dirty(&s));
	}
	assert_int_equal(sent, 5);
	assert_true(scrub_due(&s, BEGIN + 5100 * MS, false));
	assert_false(scrub_dirty(&s));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scrub_due_without_bulk_is_never),
		cmocka_unit_test(scrub_due_when_quiet_is_once),
		cmocka_unit_test(scrub_due_with_answers_to_come_waits_for_them),
		cmocka_unit_test(scrub_due_while_busy_is_once_a_second_and_stays_dirty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
