/*
 * supervise.c: see supervise.h. Which children there are and when they have to end is decided
 * elsewhere (children.c, shutdown.c). The embedded Redis sends no heartbeats: embedded_store.c
 * looks whether it hangs. Runs in the master.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/heartbeat.h"
#include "base/log.h"
#include "master/process.h"
#include "master/supervise.h"

#define PAUSE_FIRST_MS 100u
#define PAUSE_MOST_MS 1000u
#define STEADY_US 10000000u /* after a life of that length the pauses begin anew */

static void step(struct child *c, enum child_event e)
{
	c->state = child_state_next(c->state, e);
}

unsigned supervise_pause_ms(unsigned failures)
{
	if (failures == 0)
		return 0;
	return failures > 4 ? PAUSE_MOST_MS : PAUSE_FIRST_MS << (failures - 1);
}

static _Noreturn void run_child(struct child *c, const struct supervise_hooks *hooks, pid_t parent)
{
	sigset_t hup;

	/* Not before privileges are dropped: that would clear it. The parent may have died before
	 * this call: then no signal comes. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(EXIT_FAILURE);
	signal(SIGINT, SIG_IGN); /* Ctrl-C reaches every process of a terminal; the master acts */
	signal(SIGTERM, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
	hooks->in_child(hooks->ctx, c);
	metrics_attach(c->env.metrics, c->env.metrics_slot);
	heartbeat_attach(c->env.heartbeat, c->env.metrics_slot);
	process_title(c->name);
	/* SIGHUP waits until the child unblocks it. Otherwise a reload that comes while the child
	 * starts would be lost, and a worker would serve a peer that was removed. */
	sigemptyset(&hup);
	sigaddset(&hup, SIGHUP);
	sigprocmask(SIG_SETMASK, &hup, NULL);
	exit(c->main(&c->env));
}

static void plan_restart(struct child *c, uint64_t now_us)
{
	c->failures++;
	c->restart_at_us = now_us + supervise_pause_ms(c->failures) * 1000u;
}

void supervise_start(struct child *c, const struct supervise_hooks *hooks)
{
	pid_t parent = getpid();

	c->missed = 0;
	c->heartbeats = c->env.heartbeat != NULL ?
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
	if (c->pid > 0) {
		step(c, CHILD_EV_FORKED);
		return;
	}
	log_error("fork", "cannot start %s: %s; it is tried again", c->name, strerror(errno));
	c->pid = 0;
	step(c, CHILD_EV_FORK_FAILED);
	plan_restart(c, c->started_us);
}

static void log_end(const struct child *c, int status)
{
	unsigned pause = supervise_pause_ms(c->failures);

	if (WIFSIGNALED(status))
		log_error("child-died", "%s: killed by signal %d; restarting in %u ms", c->name,
			WTERMSIG(status), pause);
	else
		log_error("child-died", "%s: exited with status %d; restarting in %u ms", c->name,
			WEXITSTATUS(status), pause);
}

void supervise_ended(struct child *c, int status, bool restart)
{
	uint64_t now = clock_mono_us();

	c->pid = 0;
	step(c, restart ? CHILD_EV_ENDED : CHILD_EV_ENDED_FOR_GOOD);
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
	plan_restart(c, now);
	metrics_count(M_RESTARTS, 1);
	log_end(c, status);
}

void supervise_cancel_restart(struct child *c)
{
	if (c->state == CHILD_STATE_PAUSED)
		step(c, CHILD_EV_RESTART_CANCELLED);
}

void supervise_drain(struct child *c)
{
	if (c->state != CHILD_STATE_STARTED && c->state != CHILD_STATE_ALIVE)
		return;
	kill(c->pid, SIGTERM);
	step(c, CHILD_EV_DRAIN_SENT);
}

void supervise_start_due(struct child *c, size_t n, const struct supervise_hooks *hooks)
{
	uint64_t now = clock_mono_us();
	size_t i;

	for (i = 0; i < n; i++)
		if (c[i].state == CHILD_STATE_PAUSED && c[i].restart_at_us <= now)
			supervise_start(&c[i], hooks);
}

int supervise_next_ms(const struct child *c, size_t n)
{
	uint64_t now = clock_mono_us(), first = UINT64_MAX;
	size_t i;

	for (i = 0; i < n; i++)
		if (c[i].state == CHILD_STATE_PAUSED && c[i].restart_at_us < first)
			first = c[i].restart_at_us;
	if (first == UINT64_MAX)
		return -1;
	return first <= now ? 0 : (int)((first - now) / 1000 + 1);
}

static unsigned allowed_silence_ms(const struct child *c)
{
	if (c->kind == CHILD_RECORDER || c->kind == CHILD_COURIER)
		return process_is_stopped(c->pid) ? SUPERVISE_RECORDER_STOPPED_MS :
						    SUPERVISE_RECORDER_HUNG_MS;
	return c->state != CHILD_STATE_STARTED || process_is_stopped(c->pid) ? SUPERVISE_HUNG_MS :
									       SUPERVISE_START_MS;
}

static void check_heartbeat(struct child *c, bool late)
{
	uint64_t heartbeats = heartbeat_count(c->env.heartbeat, c->env.metrics_slot);

	if (heartbeats != c->heartbeats) {
		c->heartbeats = heartbeats;
		c->missed = 0;
		step(c, CHILD_EV_HEARTBEAT);
		return;
	}
	if (late || ++c->missed < allowed_silence_ms(c) / HEARTBEAT_EVERY_MS)
		return;
	log_error("child-hung", "%s: no sign of life for %u ms%s; it is killed and replaced",
		c->name, c->missed * HEARTBEAT_EVERY_MS,
		process_is_stopped(c->pid) ? " (stopped by a signal)" : "");
	c->missed = 0;
	kill(c->pid, SIGKILL);
}

void supervise_check_heartbeats(struct child *c, size_t n, uint64_t now_us, uint64_t *checked_us)
{
	bool late = now_us - *checked_us >= 2 * HEARTBEAT_EVERY_MS * 1000u;
	size_t i;

	if (now_us - *checked_us < HEARTBEAT_EVERY_MS * 1000u)
		return;
	*checked_us = now_us;
	for (i = 0; i < n; i++)
		if (child_state_has_process(c[i].state) && c[i].main != NULL &&
			c[i].kind != CHILD_LOGGER)
			check_heartbeat(&c[i], late);
}
