/*
 * master.c: the loop of the master, and its state. All signals are blocked and taken by
 * sigtimedwait(), so nothing happens inside a signal handler. What has to be done in a state stands
 * in startup.c and shutdown.c, which answer with events; step() alone changes the state.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "master/logger.h"
#include "master/master.h"
#include "master/master_int.h"
#include "master/process.h"
#include "master/reload.h"
#include "master/shutdown.h"
#include "master/startup.h"

#define POLL_SHORT_MS 10  /* while children start or end */
#define POLL_DRAIN_MS 200 /* while the last blobs are being fetched */

static void step(struct master *m, enum master_event e)
{
	const enum master_state was = m->state;

	if (e == MASTER_EV_NONE)
		return;
	m->state = master_state_next(was, e);
	if (was == MASTER_STARTING && m->state == MASTER_RUNNING)
		startup_announce(m);
	else if (m->state != was && !master_state_is_up(m->state))
		shutdown_enter(m);
}

static enum master_event poll_running(struct master *m)
{
	if (m->embedded)
		embedded_store_watch(&m->store, &m->children, clock_mono_us());
	if (m->state != MASTER_RECHECKING || !redis_embed_ping(&m->store.redis))
		return MASTER_EV_NONE;
	/* Should this one keep bytes, the log and the gauge say so. The server goes on: it has
	 * served with this Redis since it was started. */
	(void)embedded_store_wipes(&m->store);
	return MASTER_EV_STORE_CHECKED;
}

static void advance(struct master *m)
{
	switch (m->state) {
	case MASTER_STARTING:
		step(m, startup_poll(m));
		break;
	case MASTER_RUNNING:
	case MASTER_RECHECKING:
		step(m, poll_running(m));
		break;
	default:
		step(m, shutdown_poll(m));
		break;
	}
}

/* Signals ------------------------------------------------------------------ */

static void on_store_ended(struct master *m)
{
	if (m->state != MASTER_ENDING_STORE)
		log_error(
			"store-lost", "the embedded Redis ended; everything that it held is gone");
	step(m, MASTER_EV_STORE_ENDED);
}

static void on_child_ended(struct master *m, pid_t pid, int status)
{
	struct child *c = children_find(&m->children, pid);
	/* A worker that dies while the server drains is replaced: it may be the only one that
	 * serves the last fetches. */
	const bool restart = master_state_is_up(m->state) ||
		(m->state == MASTER_DRAINING && c != NULL && c->kind != CHILD_STORE);

	if (c == NULL)
		return;
	if (c->kind == CHILD_STORE)
		on_store_ended(m);
	supervise_ended(c, status, restart);
	if (m->state == MASTER_STARTING)
		step(m, startup_child_ended(m, c));
}

static void on_sigchld(struct master *m)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		on_child_ended(m, pid, status);
}

static void on_stop(struct master *m, int sig)
{
	if (master_state_is_up(m->state)) {
		log_info("stopping", "%s; for at most %u s",
			sig == SIGINT ? "interrupted" : "asked to end", m->conf->drain_s);
	} else {
		log_info("stopping", "asked to end while it ends already: at once");
		shutdown_hurry(m);
	}
	step(m, MASTER_EV_STOP);
}

/* The loop ----------------------------------------------------------------- */

static int wait_ms(const struct master *m)
{
	int next = supervise_next_ms(m->children.child, m->children.n), poll = POLL_SHORT_MS;

	if (m->state == MASTER_RUNNING)
		poll = HEARTBEAT_EVERY_MS;
	else if (m->state == MASTER_DRAINING)
		poll = POLL_DRAIN_MS;
	return next < 0 || poll < next ? poll : next;
}

static void loop(struct master *m, const sigset_t *set)
{
	struct children *cs = &m->children;

	while (m->state != MASTER_ENDED) {
		int ms = wait_ms(m), sig;
		const struct timespec t = {ms / 1000, ms % 1000 * 1000000L};

		sig = sigtimedwait(set, NULL, &t);
		if (sig == SIGCHLD)
			on_sigchld(m);
		else if (sig == SIGTERM || sig == SIGINT)
			on_stop(m, sig);
		else if (sig == SIGHUP)
			reload_run(m);
		supervise_start_due(cs->child, cs->n, &cs->hooks);
		if (master_state_is_up(m->state) || m->state == MASTER_DRAINING)
			supervise_check_heartbeats(
				cs->child, cs->n, clock_mono_us(), &cs->checked_us);
		advance(m);
	}
}

static void block_signals(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGCHLD);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGHUP);
	sigprocmask(SIG_BLOCK, set, NULL);
}

static void free_all(struct master *m)
{
	embedded_store_close(&m->store);
	SSL_CTX_free(m->tls);
	handover_free(m->handover);
	heartbeat_free(m->heartbeat);
	metrics_free(m->metrics);
	scoreboard_free(m->scoreboard);
	allowance_free(m->allowance);
	dev_close(m->dev);
	if (m->conf != m->first_conf)
		conf_free(m->conf);
	free(m);
}

int master_run(const struct master_opts *o)
{
	struct master *m = calloc(1, sizeof *m);
	sigset_t set;
	int status = EXIT_FAILURE;

	if (m == NULL)
		return status;
	m->conf_path = o->conf_path;
	m->doubts = o->doubts;
	m->dev_dir = o->dev_dir;
	m->first_conf = m->conf = o->conf;
	m->target_fd = m->log_fd = STDERR_FILENO;
	signal(SIGPIPE, SIG_IGN);
	if (o->child_argv != NULL)
		process_title_init(o->child_argv);
	/* A signal that comes while the server starts is taken when it has started. */
	block_signals(&set);
	if (startup_prepare(m) == 0) {
		startup_start_children(m);
		loop(m, &set);
		status = m->exit_status;
		log_info("ended", NULL);
		logger_finish(children_pid(&m->children, CHILD_LOGGER));
	}
	free_all(m);
	return status;
}
