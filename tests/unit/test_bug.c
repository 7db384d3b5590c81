/* test_bug.c: a broken rule ends the process by SIGABRT, and says on standard error which it was.
 */
#include "child.h"
#include "core/bug.h"

static int die(const void *violated)
{
	tg_bug("upload", violated);
}

static int die_without_stderr(const void *violated)
{
	close(STDERR_FILENO);
	tg_bug("upload", violated);
}

static void bug_says_which_rule_was_broken_and_aborts(void **state)
{
	char said[128];
	int status = child_run(die, "no such step", said, sizeof said);

	(void)state;
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
	assert_string_equal(said, "timeglas: bug in upload: no such step\n");
}

static void bug_aborts_also_without_a_standard_error(void **state)
{
	char said[128];
	int status = child_run(die_without_stderr, "nobody hears this", said, sizeof said);

	(void)state;
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bug_says_which_rule_was_broken_and_aborts),
		cmocka_unit_test(bug_aborts_also_without_a_standard_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
