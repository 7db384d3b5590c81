/*
 * supervise.h: the child processes: forking, ending, restarting with a growing pause. It owns no
 * event loop: the master calls it when a child has ended and when supervise_next_ms() says so.
 */
#ifndef MASTER_SUPERVISE_H
#define MASTER_SUPERVISE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include "base/child.h"

enum child_kind {
	CHILD_WORKER,
	CHILD_REAPER,
	CHILD_ADMIN,
	CHILD_RECORDER,
	CHILD_LOGGER,
	CHILD_STORE
};

/*
 * A process that has not beaten for so long is killed and replaced: a worker, the reaper or the
 * admin process; a recorder, which may wait for a disk; a recorder that somebody has stopped.
 */
#define SUPERVISE_HUNG_MS 3000u
/* of any, before its first beat: a name server may have to be asked where the store is */
#define SUPERVISE_START_MS 30000u
#define SUPERVISE_RECORDER_HUNG_MS 60000u
#define SUPERVISE_RECORDER_STOPPED_MS 15000u

struct child {
	enum child_kind kind;
	char name[24];
	child_main *main; /* NULL for the store */
	struct child_env env;
	pid_t pid;                          /* 0: not running */
	bool told;                          /* the master's: this process knows that we drain */
	unsigned failures;                  /* in a row */
	bool begun;                         /* it has beaten since it was started */
	uint64_t beats;                     /* as last seen */
	unsigned still;                     /* looks since they changed */
	uint64_t started_us, restart_at_us; /* restart_at 0: not due */
};

struct supervise_hooks {
	/* after fork, before main: let go of what is the master's */
	void (*in_child)(void *ctx, const struct child *c);
	pid_t (*start_store)(void *ctx); /* for CHILD_STORE */
	void *ctx;
};

/** supervise_pause_ms(failures): 100, 200, … 1000, in milliseconds: what is due waits no longer
 * than that for its reaper. Pure. */
unsigned supervise_pause_ms(unsigned failures);
/** supervise_start(c, hooks): fork it now. A failure to fork counts as an end of the child. */
void supervise_start(struct child *c, const struct supervise_hooks *hooks);
/** supervise_ended(c, status, restart): its waitpid() status: logs; plans a restart when asked. */
void supervise_ended(struct child *c, int status, bool restart);
/** supervise_start_due(c, n, hooks): start what is due. */
void supervise_start_due(struct child *c, size_t n, const struct supervise_hooks *hooks);
/** supervise_next_ms(c, n): until the next restart; -1: none planned. */
int supervise_next_ms(const struct child *c, size_t n);
/**
 * supervise_check_heartbeats(c, n, now_us, looked_us): look whether they beat, once in
 * HEARTBEAT_EVERY_MS; kills who does not. *looked_us: 0 at first. A look that comes late itself
 * counts for nobody: the machine was suspended, or has no time for anyone.
 */
void supervise_check_heartbeats(struct child *c, size_t n, uint64_t now_us, uint64_t *looked_us);
/** supervise_is_stopped(pid): by a signal, or by a debugger. */
bool supervise_is_stopped(pid_t pid);
/** supervise_title_init(argv): where the process title may stand. supervise_title(name): show it
 * there. */
void supervise_title_init(char *const *argv);
void supervise_title(const char *name);

#endif
