/* timed.c: see timed.h. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "bench.h"
#include "timed.h"

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static double ms(struct timeval t)
{
	return (double)t.tv_sec * 1e3 + (double)t.tv_usec / 1e3;
}

static void become(char *const argv[], char *const env[], const char *said)
{
	int in = open("/dev/null", O_RDONLY), out = open(said, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (in < 0 || out < 0 || dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0)
		_exit(127);
	execvpe(argv[0], argv, env);
	_exit(127);
}

struct timed timed_run(char *const argv[], char *const env[], const char *said)
{
	double began = now_ms();
	struct rusage used;
	struct timed t;
	int status;
	pid_t pid = fork();

	if (pid < 0)
		bench_die("cannot fork: %s", strerror(errno));
	if (pid == 0)
		become(argv, env, said);
	while (wait4(pid, &status, 0, &used) < 0)
		if (errno != EINTR)
			bench_die("wait4: %s", strerror(errno));
	t = (struct timed){now_ms() - began, ms(used.ru_utime), ms(used.ru_stime)};
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return t;
	bench_show(said);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		bench_die("cannot run %s", argv[0]);
	bench_die("%s failed", argv[0]);
}
