/* scratch.c: see scratch.h. A second process waits for the end of this one. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>
#include "bench.h"
#include "scratch.h"

/* Waits for the benchmark's end, then removes the folder. The benchmark alone has the pipe's other
 * end open, so read() returns 0 when it has ended. */
static void outlast(const char *path, int end)
{
	char none;

	while (read(end, &none, 1) < 0 && errno == EINTR)
		continue;
	execlp("rm", "rm", "-rf", "--", path, NULL);
	_exit(1);
}

void scratch_open(const char *where, char *out, size_t cap)
{
	const struct sigaction ignore = {.sa_handler = SIG_IGN};
	struct sigaction before;
	int end[2];
	pid_t pid;

	if (snprintf(out, cap, "%s/tgb-XXXXXX", where) >= (int)cap || mkdtemp(out) == NULL)
		bench_die("cannot make a folder in %s: %s", where, strerror(errno));
	if (pipe2(end, O_CLOEXEC) != 0) {
		rmdir(out);
		bench_die("cannot watch over %s: %s", out, strerror(errno));
	}
	/* When the benchmark ends, main.c sends SIGTERM to all processes that it leaves. The second
	 * process must ignore it from its first moment: a benchmark may end right behind fork(). */
	sigaction(SIGTERM, &ignore, &before);
	pid = fork();
	if (pid != 0) {
		sigaction(SIGTERM, &before, NULL);
		close(end[0]);
	}
	if (pid < 0) {
		rmdir(out);
		bench_die("cannot watch over %s: %s", out, strerror(errno));
	}
	if (pid > 0)
		return;
	prctl(PR_SET_PDEATHSIG, 0); /* it must outlive its parent */
	close(end[1]);
	outlast(out, end[0]);
}
