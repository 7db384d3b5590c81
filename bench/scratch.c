/* scratch.c: see scratch.h. Runs in the benchmark's process and in one that waits for its end. */
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

/* The pipe's other end is open in the benchmark alone, so reading ends when that one does. */
static void outlast(const char *path, int end)
{
	char none;

	signal(SIGTERM, SIG_IGN); /* main.c sends it to whatever the benchmark leaves behind */
	while (read(end, &none, 1) < 0 && errno == EINTR)
		continue;
	execlp("rm", "rm", "-rf", "--", path, NULL);
	_exit(1);
}

void scratch_open(const char *where, char *out, size_t cap)
{
	int end[2];
	pid_t pid;

	if (snprintf(out, cap, "%s/tgb-XXXXXX", where) >= (int)cap || mkdtemp(out) == NULL)
		bench_die("cannot make a folder in %s: %s", where, strerror(errno));
	if (pipe2(end, O_CLOEXEC) != 0 || (pid = fork()) < 0) {
		rmdir(out);
		bench_die("cannot watch over %s: %s", out, strerror(errno));
	}
	if (pid > 0) {
		close(end[0]);
		return;
	}
	prctl(PR_SET_PDEATHSIG, 0); /* outlives its parent */
	close(end[1]);
	outlast(out, end[0]);
}
