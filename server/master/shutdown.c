/*
 * shutdown.c: see shutdown.h. It changes no state of the master: it answers with the event that has
 * happened. Runs in the master.
 */
#include <signal.h>
#include <stdlib.h>

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

static void log_lost(uint64_t n, bool all)
{
	static const char *const hint =
		"end with the embedded Redis; whoever uploaded them has to upload again; to lose "
		"none, raise drain_s until all are fetched";

	if (all)
		log_error("store-lost", "%llu live blobs %s", (unsigned long long)n, hint);
	else
		log_error("store-lost", "at least %llu live blobs (it does not tell how many) %s",
			(unsigned long long)n, hint);
}

/* Nobody stores, reads or erases any more. What the embedded Redis holds now ends with it, so it is
 * counted for the log, the metrics, the evidence (the recorder writes it) and the exit status. What
 * one held that has died since nobody can count any more. */
static void account_for_live_blobs(struct master *m)
{
	const bool lives = children_any(&m->children, CHILD_STORE);
	uint64_t n = 0;
	bool all;

	if (!m->embedded || (!lives && m->exit_status != EXIT_SUCCESS)) /* it did not start */
		return;
	all = lives && redis_embed_count_blobs(&m->store.redis, &n) == 0;
	scoreboard_set_stopped(n, all);
	metrics_count(M_LOST, n);
	if (n == 0 && all)
		return;
	log_lost(n, all);
	if (m->exit_status == EXIT_SUCCESS && m->dev_dir == NULL)
		m->exit_status = SHUTDOWN_LIVE_BLOBS;
}

/* The recorder has ended. What it left in the outboxes, because its file took nothing or it was
 * killed, will never be evidence; but for what it had written and not trimmed. */
static void account_for_events(struct master *m)
{
	uint64_t n;

	if (!children_any(&m->children, CHILD_STORE) ||
		redis_embed_count_events(&m->store.redis, &n) != 0 || n == 0)
		return;
	log_error("evidence-lost",
		"up to %llu events were not recorded and end with the embedded Redis: what was "
		"stored, "
		"read or erased last is missing in the evidence",
		(unsigned long long)n);
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
		break;
	case MASTER_ENDING_RECORDER:
		account_for_live_blobs(m);
		m->deadline_us = clock_mono_us() + END_US;
		children_signal(&m->children, CHILD_RECORDER, SIGTERM);
		break;
	case MASTER_ENDING_STORE:
		account_for_events(m);
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
	if (clock_mono_us() >= m->deadline_us)
		children_signal(&m->children, CHILD_REAPER, SIGKILL);
	return children_any(&m->children, CHILD_REAPER) ? MASTER_EV_NONE : MASTER_EV_REAPER_ENDED;
}

/* The admin process ends last, so that what was counted at the end can still be read. */
static enum master_event poll_recorder(struct master *m)
{
	const bool late = clock_mono_us() >= m->deadline_us;

	if (late)
		children_signal(&m->children, CHILD_RECORDER, SIGKILL);
	if (children_any(&m->children, CHILD_RECORDER))
		return MASTER_EV_NONE;
	children_signal(&m->children, CHILD_ADMIN, late ? SIGKILL : SIGTERM);
	children_signal(&m->children, CHILD_COURIER, late ? SIGKILL : SIGTERM);
	return children_any(&m->children, CHILD_ADMIN) ||
			children_any(&m->children, CHILD_COURIER) ?
		MASTER_EV_NONE :
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
