/*
 * supervise.c: keeps child processes running. What they are and when they must end, master.c
 * decides. Runs in the master.
 */
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/heartbeat.h"
#include "base/log.h"
#include "conf/conf.h"
#include "master/supervise.h"

#define PAUSE_FIRST_MS 100u
#define PAUSE_MOST_MS 1000u
#define STEADY_US 10000000u /* who ran that long starts over with the first pause */

static char *title;
static size_t title_cap;

unsigned supervise_pause_ms(unsigned failures)
{
	if (failures == 0)
		return 0;
	return failures > 4 ? PAUSE_MOST_MS : PAUSE_FIRST_MS << (failures - 1);
}

/* The arguments stand one behind the other; all of them are room for the title. */
void supervise_title_init(char *const *argv)
{
	size_t i;

	title = argv[0];
	title_cap = 0;
	for (i = 0; argv[i] != NULL && argv[i] == title + title_cap; i++)
		title_cap += strlen(argv[i]) + 1;
}

void supervise_title(const char *name)
{
	char comm[16]; /* what the kernel keeps */

	snprintf(comm, sizeof comm, "tg-%.12s", name);
	prctl(PR_SET_NAME, comm);
	if (title_cap < 16)
		return;
	memset(title, 0, title_cap);
	snprintf(title, title_cap, "timeglasd: %s", name);
}

static _Noreturn void run_child(struct child *c, const struct supervise_hooks *hooks, pid_t parent)
{
	sigset_t hup;
	int status;

	/* Not before privileges are dropped: that would clear it. And the parent may have died
	 * before it was set. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(EXIT_FAILURE);
	signal(SIGINT, SIG_IGN); /* a terminal's Ctrl-C reaches everybody; the master decides */
	signal(SIGTERM, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
	hooks->in_child(hooks->ctx, c);
	metrics_attach(c->env.metrics, c->env.metrics_slot);
	heartbeat_attach(c->env.heartbeat, c->env.metrics_slot);
	supervise_title(c->name);
	/* It waits for the child that unblocks it: a reload while it starts must not be lost, or it
	 * would serve a removed peer. */
	sigemptyset(&hup);
	sigaddset(&hup, SIGHUP);
	sigprocmask(SIG_SETMASK, &hup, NULL);
	status = c->main(&c->env);
	exit(status);
}

void supervise_start(struct child *c, const struct supervise_hooks *hooks)
{
	pid_t parent = getpid();

	c->restart_at_us = 0;
	c->told = c->begun = false;
	c->still = 0;
	c->beats = c->env.heartbeat != NULL ?
		heartbeat_count(c->env.heartbeat, c->env.metrics_slot) :
		0;
	c->started_us = clock_mono_us();
	if (c->main == NULL) {
		c->pid = hooks->start_store(hooks->ctx);
	} else {
		fflush(NULL); /* or the child would write it a second time */
		c->pid = fork();
		if (c->pid == 0)
			run_child(c, hooks, parent);
	}
	if (c->pid < 0) {
		log_error("fork", "cannot start %s, which is tried again: %s", c->name,
			strerror(errno));
		c->pid = 0;
		c->failures++;
		c->restart_at_us = c->started_us + supervise_pause_ms(c->failures) * 1000u;
	}
}

void supervise_ended(struct child *c, int status, bool restart)
{
	uint64_t now = clock_mono_us();
	unsigned pause;

	c->pid = 0;
	if (c->main != NULL)
		metrics_slot_clear(c->env.metrics, c->env.metrics_slot);
	if (c->env.heartbeat != NULL)
		heartbeat_slot_clear(c->env.heartbeat, c->env.metrics_slot);
	if (!restart) {
		if (WIFEXITED(status) && WEXITSTATUS(status) != 0)
			log_warn("child-ended", "%s ended with status %d", c->name,
				WEXITSTATUS(status));
		return;
	}
	if (now - c->started_us >= STEADY_US)
		c->failures = 0;
	c->failures++;
	pause = supervise_pause_ms(c->failures);
	c->restart_at_us = now + pause * 1000u;
	metrics_count(M_RESTARTS, 1);
	if (WIFSIGNALED(status))
		log_error("child-died", "%s: killed by signal %d; restarting in %u ms", c->name,
			WTERMSIG(status), pause);
	else
		log_error("child-died", "%s: exited with status %d; restarting in %u ms", c->name,
			WEXITSTATUS(status), pause);
}

void supervise_start_due(struct child *c, size_t n, const struct supervise_hooks *hooks)
{
	uint64_t now = clock_mono_us();
	size_t i;

	for (i = 0; i < n; i++)
		if (c[i].restart_at_us != 0 && c[i].restart_at_us <= now)
			supervise_start(&c[i], hooks);
}

int supervise_next_ms(const struct child *c, size_t n)
{
	uint64_t now = clock_mono_us(), first = UINT64_MAX;
	size_t i;

	for (i = 0; i < n; i++)
		if (c[i].restart_at_us != 0 && c[i].restart_at_us < first)
			first = c[i].restart_at_us;
	if (first == UINT64_MAX)
		return -1;
	return first <= now ? 0 : (int)((first - now) / 1000 + 1);
}

/* The kernel's letter for what a process does: T and t are stopped, D waits for a disk. 0: not to
 * be seen. */
static char state_of(pid_t pid)
{
	char path[32], text[512];
	const char *end;
	FILE *f;
	size_t n;

	snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
	f = fopen(path, "re");
	if (f == NULL)
		return 0;
	n = fread(text, 1, sizeof text - 1, f);
	fclose(f);
	text[n] = '\0';
	end = strrchr(text, ')'); /* its name may hold anything */
	return end != NULL && end[1] == ' ' ? end[2] : 0;
}

bool supervise_is_stopped(pid_t pid)
{
	char s = state_of(pid);

	return s == 'T' || s == 't';
}

/* In looks. A recorder may sync to a slow disk for long, which is no reason to kill it; one that is
 * stopped will not end by itself. */
static unsigned patience(const struct child *c)
{
	if (c->kind != CHILD_RECORDER)
		return (c->begun || supervise_is_stopped(c->pid) ? SUPERVISE_HUNG_MS :
								   SUPERVISE_START_MS) /
			HEARTBEAT_EVERY_MS;
	return (supervise_is_stopped(c->pid) ? SUPERVISE_RECORDER_STOPPED_MS :
					       SUPERVISE_RECORDER_HUNG_MS) /
		HEARTBEAT_EVERY_MS;
}

static void look_at(struct child *c, bool late)
{
	uint64_t beats = heartbeat_count(c->env.heartbeat, c->env.metrics_slot);

	if (beats != c->beats || c->pid == 0) {
		c->begun = beats != c->beats;
		c->beats = beats;
		c->still = 0;
		return;
	}
	if (late || ++c->still < patience(c))
		return;
	log_error("child-hung", "%s: it did nothing for %u ms%s; it is killed and replaced",
		c->name, c->still * HEARTBEAT_EVERY_MS,
		supervise_is_stopped(c->pid) ? " (stopped by a signal)" : "");
	c->still = 0;
	kill(c->pid, SIGKILL);
}

void supervise_check_heartbeats(struct child *c, size_t n, uint64_t now_us, uint64_t *looked_us)
{
	bool late = now_us - *looked_us >= 2 * HEARTBEAT_EVERY_MS * 1000u;
	size_t i;

	if (now_us - *looked_us < HEARTBEAT_EVERY_MS * 1000u)
		return;
	*looked_us = now_us;
	for (i = 0; i < n; i++)
		/* it may wait for whoever reads the log */
		if (c[i].main != NULL && c[i].kind != CHILD_LOGGER)
			look_at(&c[i], late);
}
