/*
 * supervise.h: starts child processes, starts those again that end, with a pause that grows, and
 * kills those that hang. It owns no event loop: the master calls it when a child has ended, and
 * when supervise_next_ms() says so. All calls are the master's.
 */
#ifndef MASTER_SUPERVISE_H
#define MASTER_SUPERVISE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include "base/child.h"
#include "master/child_state.h"

enum child_kind {
	CHILD_WORKER,
	CHILD_REAPER,
	CHILD_ADMIN,
	CHILD_RECORDER,
	CHILD_COURIER,
	CHILD_LOGGER,
	CHILD_STORE /* the embedded Redis */
};

/* A process that has sent no heartbeat for so long is killed and replaced. */
#define SUPERVISE_HUNG_MS 3000u
/* before its first heartbeat: it may have to ask a name server where the store is */
#define SUPERVISE_START_MS 30000u
/* a recorder may have to wait for a slow disk, a courier for a name server */
#define SUPERVISE_RECORDER_HUNG_MS 60000u
/* a recorder that a signal has stopped does not go on by itself */
#define SUPERVISE_RECORDER_STOPPED_MS 15000u

struct child {
	enum child_kind kind;
	char name[24];
	child_main *main;     /* runs in the child; NULL for CHILD_STORE, which hooks start */
	struct child_env env; /* what main gets; what it points to is not owned */
	enum child_state state;
	pid_t pid;              /* 0 where the state has no process */
	unsigned failures;      /* ends and failed starts in a row */
	uint64_t heartbeats;    /* number of heartbeats when they were last checked */
	unsigned missed;        /* checks in a row that found no new heartbeat */
	uint64_t started_us;    /* clock_mono_us() */
	uint64_t restart_at_us; /* clock_mono_us(), in the state PAUSED */
};

struct supervise_hooks {
	/* In the child, after fork and before main: closes what is the master's alone. */
	void (*in_child)(void *ctx, const struct child *c);
	/* Starts a CHILD_STORE. Returns its pid, or -1 with errno. */
	pid_t (*start_store)(void *ctx);
	void *ctx; /* passed to both; not owned */
};

/** Returns the pause in ms before a restart: 0 for no failure, then 100, 200, 400, 800, and 1000
 * for every further failure in a row. A second at most, for what falls due waits for its reaper. */
unsigned supervise_pause_ms(unsigned failures);
/** Starts the process now; its state must be ABSENT or PAUSED. A fork that fails is logged, counts
 * as a failure, and is tried again after the pause. */
void supervise_start(struct child *c, const struct supervise_hooks *hooks);
/**
 * To be called when the process has ended; logs how, if it was no success or not expected.
 *
 * @status   as waitpid() gave it
 * @restart  start it again after the pause
 */
void supervise_ended(struct child *c, int status, bool restart);
/** Gives up a planned restart, if there is one. */
void supervise_cancel_restart(struct child *c);
/** Sends SIGTERM to a worker that is not draining yet, so that it refuses uploads. */
void supervise_drain(struct child *c);
/** Starts each of n children whose pause is over. */
void supervise_start_due(struct child *c, size_t n, const struct supervise_hooks *hooks);
/** Returns the ms until the first planned restart of n children; -1: none is planned. */
int supervise_next_ms(const struct child *c, size_t n);
/**
 * Checks, once in HEARTBEAT_EVERY_MS, which of n children have sent heartbeats, and kills those
 * that have sent none for too long. May be called as often as one likes. A check that comes late
 * counts for nobody: the machine was suspended, or had no time for the master either.
 *
 * @now_us      clock_mono_us()
 * @checked_us  when they were checked last, kept by this call; 0 at first
 */
void supervise_check_heartbeats(struct child *c, size_t n, uint64_t now_us, uint64_t *checked_us);

#endif
