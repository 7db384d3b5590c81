/*
 * test_run_dir.c: the folder of a running master is its own: it is refused to a second one, taken
 * over from a dead one, and removed when its master was killed.
 */
#include "check.h"
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "test_dir.h"
#include "master/run_dir.h"
#include "base/log.h"

static void run_dir_in_use_is_refused_and_a_dead_masters_is_taken_over(void **state)
{
	struct run_dir a, b;
	struct stat st;
	char err[256];
	FILE *f;

	(void)state;
	assert_int_equal(run_dir_open(&a, in_dir("run"), (uid_t)-1, (gid_t)-1, err, sizeof err), 0);
	assert_int_equal(stat(a.path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	f = fopen(a.socket, "w"); /* stands for a socket left behind */
	assert_non_null(f);
	fclose(f);
	assert_int_equal(
		run_dir_open(&b, in_dir("run"), (uid_t)-1, (gid_t)-1, err, sizeof err), TG_EINVAL);
	assert_non_null(strstr(err, "another timeglasd uses"));
	assert_int_equal(access(a.socket, F_OK), 0);
	run_dir_forget(&a); /* what a killed master's descriptors come to */
	assert_int_equal(run_dir_open(&b, in_dir("run"), (uid_t)-1, (gid_t)-1, err, sizeof err), 0);
	assert_int_not_equal(access(b.socket, F_OK), 0);
	run_dir_close(&b);
	assert_int_not_equal(stat(in_dir("run"), &st), 0);
}

static void forget_nothing(void *ctx)
{
	(void)ctx;
}

static void run_dir_of_a_killed_master_is_removed_by_the_janitor(void **state)
{
	char path[128] = "", c;
	int fds[2], tries, status;
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct run_dir d;
		char err[256];

		if (run_dir_open(&d, in_dir("run"), (uid_t)-1, (gid_t)-1, err, sizeof err) != 0 ||
			run_dir_guard(&d, forget_nothing, NULL) != 0 || write(fds[1], "x", 1) != 1)
			_exit(1);
		pause();
		_exit(1);
	}
	assert_int_equal(read(fds[0], &c, 1), 1);
	snprintf(path, sizeof path, "%s", in_dir("run"));
	assert_int_equal(access(path, F_OK), 0);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	for (tries = 0; tries < 500 && access(path, F_OK) == 0; tries++)
		usleep(10000);
	assert_int_not_equal(access(path, F_OK), 0);
	close(fds[0]);
	close(fds[1]);
}

static void run_dir_fresh_ones_differ(void **state)
{
	struct run_dir a, b;
	char err[256];

	(void)state;
	assert_int_equal(run_dir_open(&a, NULL, (uid_t)-1, (gid_t)-1, err, sizeof err), 0);
	assert_int_equal(run_dir_open(&b, NULL, (uid_t)-1, (gid_t)-1, err, sizeof err), 0);
	assert_string_not_equal(a.path, b.path);
	assert_true(strlen(a.socket) <= 107);
	run_dir_close(&a);
	run_dir_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(run_dir_in_use_is_refused_and_a_dead_masters_is_taken_over),
		cmocka_unit_test(run_dir_of_a_killed_master_is_removed_by_the_janitor),
		cmocka_unit_test(run_dir_fresh_ones_differ),
	};

	log_init(STDERR_FILENO, LOG_L_ERROR, "test");
	return cmocka_run_group_tests(tests, test_dir_make, test_dir_remove);
}
