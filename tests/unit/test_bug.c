/* test_bug.c: a broken rule ends the process by SIGABRT, and says on standard error which it was.
 */
#include "check.h"
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include "core/bug.h"

/* Returns the wait status; what it said is in out. */
static int die_in_child(const char *violated, int closed_stderr, char *out, size_t cap)
{
	const struct rlimit none = {0, 0};
	int fds[2], status = 0;
	ssize_t n;
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)signal(SIGABRT, SIG_DFL);
		(void)setrlimit(RLIMIT_CORE, &none);
		if (closed_stderr)
			close(STDERR_FILENO);
		else
			dup2(fds[1], STDERR_FILENO);
		tg_bug("upload", violated);
	}
	close(fds[1]);
	n = read(fds[0], out, cap - 1);
	close(fds[0]);
	out[n > 0 ? n : 0] = '\0';
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void bug_says_which_rule_was_broken_and_aborts(void **state)
{
	char said[128];
	int status = die_in_child("no such step", 0, said, sizeof said);

	(void)state;
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
	assert_string_equal(said, "timeglas: bug in upload: no such step\n");
}

static void bug_aborts_also_without_a_standard_error(void **state)
{
	char said[128];
	int status = die_in_child("nobody hears this", 1, said, sizeof said);

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
