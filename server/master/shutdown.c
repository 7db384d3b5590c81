/*
 * shutdown.c: see shutdown.h. It changes no state of the master: it answers with the event that has
 * happened. Runs in the master.
 */
#include <signal.h>

#include "base/clock.h"
#include "base/log.h"
#include "master/notify.h"
#include "master/shutdown.h"

/* for workers, even when no time was granted */
#define GRACE_US 500000u
/* for processes that have nothing left to do but what they write down */
#define END_US 2000000u
/* Two signals that are sent at once may arrive as one, so workers get theirs again. */
#define ASK_AGAIN_US 20000u

static void enter_draining(struct master *m)
{
	notify_systemd("STOPPING=1");
	metrics_gauge_set(G_DRAINING, 1);
	m->deadline_us = clock_mono_us() + (uint64_t)m->conf->drain_s * 1000000u;
}

/* With an embedded Redis a worker serves fetches after its first SIGTERM and ends after another. */
static void enter_ending_workers(struct master *m)
{
	uint64_t now = clock_mono_us();

	children_cancel_restarts(&m->children);
	m->asked_us = now;
	if (m->deadline_us < now + GRACE_US)
		m->deadline_us = now + GRACE_US;
	children_signal(&m->children, CHILD_WORKER, SIGTERM);
}

void shutdown_enter(struct master *m)
{
	switch (m->state) {
	case MASTER_DRAINING:
		enter_draining(m);
		break;
	case MASTER_ENDING_WORKERS:
		enter_ending_workers(m);
		break;
	case MASTER_ENDING_REAPER:
		m->deadline_us = clock_mono_us() + END_US;
		children_signal(&m->children, CHILD_REAPER, SIGTERM);
		children_signal(&m->children, CHILD_ADMIN, SIGTERM);
		break;
	case MASTER_ENDING_RECORDER:
		m->deadline_us = clock_mono_us() + END_US;
		children_signal(&m->children, CHILD_RECORDER, SIGTERM);
		break;
	case MASTER_ENDING_STORE:
		/* It has nothing to save. The kernel clears its memory before anybody else gets it.
		 */
		children_signal(&m->children, CHILD_STORE, SIGKILL);
		break;
	default:
		break;
	}
}

/* Returns whether there may be something left to fetch, and time for it. An embedded Redis that
 * does not answer has nothing that could be fetched; an external one keeps what it has. */
static bool must_wait(const struct master *m)
{
	return m->conf->drain_s > 0 && children_any(&m->children, CHILD_STORE) &&
		clock_mono_us() < m->deadline_us && redis_embed_holds_blobs(&m->store.redis) == 1;
}

static enum master_event poll_draining(struct master *m)
{
	children_drain_workers(&m->children);
	return must_wait(m) ? MASTER_EV_NONE : MASTER_EV_DRAINED;
}

static enum master_event poll_workers(struct master *m)
{
	uint64_t now = clock_mono_us();

	if (!children_any(&m->children, CHILD_WORKER))
		return MASTER_EV_WORKERS_ENDED;
	if (now >= m->deadline_us) {
		log_warn("stopping",
			"requests that were not finished in time were cut off; if they need "
			"longer, raise drain_s");
		children_signal(&m->children, CHILD_WORKER, SIGKILL);
	} else if (now - m->asked_us >= ASK_AGAIN_US) {
		m->asked_us = now;
		children_signal(&m->children, CHILD_WORKER, SIGTERM);
	}
	return MASTER_EV_NONE;
}

static enum master_event poll_reaper(struct master *m)
{
	if (clock_mono_us() >= m->deadline_us) {
		children_signal(&m->children, CHILD_REAPER, SIGKILL);
		children_signal(&m->children, CHILD_ADMIN, SIGKILL);
	}
	return children_any(&m->children, CHILD_REAPER) || children_any(&m->children, CHILD_ADMIN) ?
		MASTER_EV_NONE :
		MASTER_EV_REAPER_ENDED;
}

static enum master_event poll_recorder(struct master *m)
{
	if (clock_mono_us() >= m->deadline_us)
		children_signal(&m->children, CHILD_RECORDER, SIGKILL);
	return children_any(&m->children, CHILD_RECORDER) ? MASTER_EV_NONE :
							    MASTER_EV_RECORDER_ENDED;
}

enum master_event shutdown_poll(struct master *m)
{
	switch (m->state) {
	case MASTER_DRAINING:
		return poll_draining(m);
	case MASTER_ENDING_WORKERS:
		return poll_workers(m);
	case MASTER_ENDING_REAPER:
		return poll_reaper(m);
	case MASTER_ENDING_RECORDER:
		return poll_recorder(m);
	case MASTER_ENDING_STORE:
		return children_any(&m->children, CHILD_STORE) ? MASTER_EV_NONE :
								 MASTER_EV_STORE_GONE;
	default:
		return MASTER_EV_NONE;
	}
}

void shutdown_hurry(struct master *m)
{
	m->deadline_us = 0;
	children_signal(&m->children, CHILD_WORKER, SIGKILL);
}
