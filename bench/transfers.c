/* transfers.c: see transfers.h. The process shares a page with this one, in which it counts. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include "bench.h"
#include "transfers.h"

#define START_US INT64_C(60000000)
#define FOREVER_S 86400.0 /* it is killed before */

struct shared {
	volatile uint64_t done;
	volatile bool at_work;
	char error[240];
};

struct transfers {
	pid_t pid;
	struct shared *shared;
};

static void on_edge(void *ctx, bool end)
{
	struct shared *s = ctx;

	s->at_work = !end;
}

static void child(const struct gen_wire *w, struct blobs *b, unsigned n, struct shared *s)
{
	const struct gen_plan plan = {.clients = n,
		.live = n,
		.measure_s = FOREVER_S,
		.edge = on_edge,
		.ctx = s,
		.key = 'L',
		.answers = &s->done};
	struct gen_result r;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	gen_run(w, &plan, b, &r);
	memcpy(s->error, r.error, sizeof s->error);
	_exit(1);
}

struct transfers *transfers_start(const struct gen_wire *w, struct blobs *b, unsigned n)
{
	struct transfers *t = bench_alloc(1, sizeof *t);
	int64_t until = bench_wall_us() + START_US;

	t->shared = bench_share(sizeof *t->shared);
	t->pid = fork();
	if (t->pid < 0)
		bench_die("cannot fork: %s", strerror(errno));
	if (t->pid == 0)
		child(w, b, n, t->shared);
	while (!t->shared->at_work) {
		if (waitpid(t->pid, NULL, WNOHANG) != 0)
			bench_die("the large transfers did not begin: %s", t->shared->error);
		if (bench_wall_us() > until)
			bench_die("the large transfers did not begin");
		usleep(5000);
	}
	return t;
}

uint64_t transfers_done(const struct transfers *t)
{
	return t->shared->done;
}

pid_t transfers_pid(const struct transfers *t)
{
	return t->pid;
}

void transfers_stop(struct transfers *t, char *error, size_t n)
{
	int status = 0;

	kill(t->pid, SIGKILL);
	error[0] = '\0';
	if (waitpid(t->pid, &status, 0) == t->pid && WIFEXITED(status))
		snprintf(error, n, "large transfers: %.200s", t->shared->error);
	munmap(t->shared, sizeof *t->shared);
	free(t);
}
