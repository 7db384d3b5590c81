/*
 * child.h: what may end the process is tried in a child of the test's, and what it says on standard
 * error is kept. For rules whose breach aborts.
 */
#ifndef TEST_CHILD_H
#define TEST_CHILD_H

#include "check.h"
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/**
 * Calls run(ctx) in a child, which leaves no core.
 *
 * @run   its value is the child's exit status, should it return
 * @said  receives what the child says on standard error, NUL-terminated, at most cap - 1 bytes
 *
 * Returns the child's wait status.
 */
static inline int child_run(int (*run)(const void *ctx), const void *ctx, char *said, size_t cap)
{
	const struct rlimit no_core = {0, 0};
	size_t n = 0;
	int fd[2], status = 0;
	ssize_t got;
	pid_t pid;

	assert_int_equal(pipe(fd), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)signal(SIGABRT, SIG_DFL);
		(void)setrlimit(RLIMIT_CORE, &no_core);
		dup2(fd[1], STDERR_FILENO);
		_exit(run(ctx));
	}
	close(fd[1]);
	while ((got = read(fd[0], said + n, cap - 1 - n)) > 0)
		n += (size_t)got;
	close(fd[0]);
	said[n] = '\0';
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

#endif
