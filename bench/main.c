/*
 * main.c: the program timeglas-bench. It runs a benchmark and removes what it leaves behind. It
 * measures nothing itself.
 *
 * The benchmark runs in a child process. This process adopts the servers and clients that the child
 * leaves, waits for their end, kills those that do not end, and removes the temporary folder: after
 * success, failure, a crash or Ctrl-C alike.
 */
#include <errno.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <timeglas/timeglas.h>
#include "bench.h"
#include "commands.h"
#include "core/fd.h"

#define CHILDREN_MAX 256
#define GRACE_S 10u /* time for servers to end by themselves */

static const struct {
	const char *name;
	int (*run)(int argc, char **argv, const char *dir);
	const char *help;
} commands[] = {
	{"expiry", expiry_main,
		"how late blobs are refused, removed and wiped, next to plain Redis with TTLs"},
	{"throughput", throughput_main,
		"requests and processor time, next to nginx + Lua, webdis and Redis itself"},
	{"latency", latency_main,
		"how long requests take at half of what nginx + Lua can do at most, next to it"},
	{"connect", connect_main, "new connections with mutual TLS, next to nginx"},
	{"scale", scale_main, "the same for one worker and two"},
	{"live", live_main, "the same with few blobs in the store and with a million"},
	{"mixed", mixed_main,
		"how long small requests take beside transfers of 30 MiB, next to nginx + Lua"},
	{"subject", subject_main,
		"how long erasing all of a person takes, with a million other blobs in the store"},
	{"seal", seal_main, "sealing and opening, next to the age command, and inside the library"},
	{"proofs", proofs_main,
		"how long after a blob's end its proof can be had, while many blobs end"},
	{"keyupdates", keyupdates_main,
		"a flood of TLS key updates; measures nothing (for bench/floods.py)"},
};
#define N_COMMANDS (sizeof commands / sizeof *commands)

static volatile sig_atomic_t interrupted, out_of_patience;

static int usage(FILE *out)
{
	fputs("usage: timeglas-bench COMMAND [OPTION…]\n\n", out);
	for (size_t i = 0; i < N_COMMANDS; i++)
		fprintf(out, "  %-11s %s\n", commands[i].name, commands[i].help);
	fputs("\ntimeglas-bench COMMAND --help tells the options. docs/benchmarks.md tells what is "
	      "measured, and how.\n",
		out);
	return out == stdout ? 0 : 2;
}

static void on_signal(int sig)
{
	if (sig == SIGALRM)
		out_of_patience = 1;
	else
		interrupted = 1;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	remove(path);
	return 0;
}

/* Sends sig to the children of this process, the adopted ones included. */
static void signal_children(int sig)
{
	pid_t pid[CHILDREN_MAX];
	unsigned n = bench_children(getpid(), pid, CHILDREN_MAX);

	for (unsigned i = 0; i < n; i++)
		kill(pid[i], sig);
}

/* Waits for the benchmark, then for all processes that it left. Returns the benchmark's status. */
static int outlive(pid_t child)
{
	int status = 0, result = 1;
	pid_t pid;

	for (;;) {
		pid = waitpid(-1, &status, 0);
		if (pid == child) {
			result = WIFEXITED(status) ? WEXITSTATUS(status) : 1;
			signal_children(SIGTERM);
			alarm(GRACE_S);
		}
		if (pid < 0 && errno == ECHILD)
			return result;
		if (interrupted) {
			interrupted = 0;
			kill(child, SIGKILL); /* its children get SIGTERM, and become ours */
		}
		if (out_of_patience) {
			out_of_patience = 0;
			signal_children(SIGKILL);
			alarm(1); /* their children become ours only now: kill again */
		}
	}
}

static int supervise(size_t command, int argc, char **argv)
{
	const struct sigaction sa = {.sa_handler = on_signal};
	char dir[] =
		"/tmp/tgb-XXXXXX"; /* short, because a unix socket's path is at most 107 bytes */
	pid_t child;
	int status;

	if (mkdtemp(dir) == NULL || prctl(PR_SET_CHILD_SUBREAPER, 1) != 0)
		bench_die("cannot make %s: %s", dir, strerror(errno));
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGALRM, &sa, NULL);
	child = fork();
	if (child < 0)
		bench_die("cannot fork: %s", strerror(errno));
	if (child == 0) {
		signal(SIGINT, SIG_IGN); /* the parent handles Ctrl-C of a terminal */
		signal(SIGTERM, SIG_DFL);
		signal(SIGPIPE, SIG_IGN);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		exit(commands[command].run(argc, argv, dir));
	}
	status = outlive(child);
	nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	return status;
}

int main(int argc, char **argv)
{
	if (tg_streams_occupy() != 0)
		return EXIT_FAILURE;
	if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0))
		return usage(stdout);
	if (argc > 1 && strcmp(argv[1], "--version") == 0) {
		puts("timeglas-bench " TG_VERSION);
		return 0;
	}
	for (size_t i = 0; argc > 1 && i < N_COMMANDS; i++)
		if (strcmp(argv[1], commands[i].name) == 0)
			return supervise(i, argc - 1, argv + 1);
	return usage(stderr);
}
