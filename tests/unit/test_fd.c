/*
 * test_fd.c: all bytes are written, also through a pipe that takes them in parts; and a standard
 * stream that was closed is no other file.
 */
#include "check.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
#include "core/fd.h"

static void fd_write_all_goes_on_when_a_pipe_takes_less(void **state)
{
	enum { BYTES = 300000 }; /* a pipe takes 64 KiB */
	static uint8_t p[BYTES], back[BYTES];
	size_t have = 0;
	int fds[2], status;
	pid_t pid;

	(void)state;
	for (size_t i = 0; i < BYTES; i++)
		p[i] = (uint8_t)(i % 251);
	assert_int_equal(pipe(fds), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		close(fds[0]);
		_exit(tg_write_all(fds[1], p, BYTES) == 0 ? 0 : 1);
	}
	close(fds[1]);
	for (ssize_t n; have < BYTES && (n = read(fds[0], back + have, BYTES - have)) > 0;)
		have += (size_t)n;
	close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(have, BYTES);
	assert_memory_equal(p, back, BYTES);
}

static void fd_write_all_tells_why_it_failed(void **state)
{
	int fds[2];

	(void)state;
	(void)signal(SIGPIPE, SIG_IGN);
	assert_int_equal(pipe(fds), 0);
	close(fds[0]);
	assert_int_equal(tg_write_all(fds[1], "x", 1), TG_EIO);
	assert_int_equal(errno, EPIPE);
	assert_int_equal(tg_write_all(fds[1], "", 0), 0); /* nothing to write */
	close(fds[1]);
	assert_int_equal(tg_write_all(-1, "x", 1), TG_EIO);
	assert_int_equal(errno, EBADF);
}

/* In a child whose streams are those of mask (bit n: descriptor n is open). */
static int streams_in_child(unsigned mask)
{
	for (int fd = 0; fd <= 2; fd++)
		if ((mask & 1u << fd) == 0)
			close(fd);
	if (tg_streams_occupy() != 0)
		return 1;
	for (int fd = 0; fd <= 2; fd++) {
		char c;
		bool was_open = (mask & 1u << fd) != 0;
		ssize_t n = was_open ? -1 : fd == 0 ? read(fd, &c, 1) : write(fd, "x", 1);

		if (fcntl(fd, F_GETFD) < 0)
			return 2;
		if (!was_open && (n != -1 || errno != EBADF))
			return 3;
	}
	return open("/dev/null", O_RDONLY) > 2 ? 0 : 4;
}

static void fd_closed_streams_stay_errors(void **state)
{
	(void)state;
	for (unsigned mask = 0; mask < 8; mask++) {
		int status;
		pid_t pid = fork();

		assert_true(pid >= 0);
		if (pid == 0)
			_exit(streams_in_child(mask));
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fd_write_all_goes_on_when_a_pipe_takes_less),
		cmocka_unit_test(fd_write_all_tells_why_it_failed),
		cmocka_unit_test(fd_closed_streams_stay_errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
