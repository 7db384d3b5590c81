/*
 * embedded_store.c: see embedded_store.h. It neither starts Redis (startup.c and supervise.c do)
 * nor ends one that is well (shutdown.c). Runs in the master.
 */
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "master/embedded_store.h"
#include "master/process.h"
#include "store/attestation.h"
#include "wipe/wipe.h"

#define START_US 5000000u
#define START_POLL_NS (5 * 1000000L)
#define WATCH_EVERY_US 1000000u
/* looks without an answer, before a Redis is killed: one that somebody has stopped; any other */
#define STOPPED_LOOKS 3
#define SILENT_LOOKS 30

int embedded_store_open(struct embedded_store *s, const struct conf *c, uid_t uid, gid_t gid,
	char url[256], char *err, size_t cap)
{
	int rc = run_dir_open(&s->run, c->run_dir, uid, gid, err, cap);

	if (rc != 0)
		return rc;
	s->redis.socket = s->run.socket;
	s->redis.dir = s->run.path;
	if (c->store_open_socket) {
		snprintf(url, 256, "unix://%s", s->run.socket);
		return 0;
	}
	redis_embed_draw_password(&s->redis);
	snprintf(url, 256, "unix://" REDIS_EMBED_USER ":%s@%s", s->redis.password, s->run.socket);
	return 0;
}

static bool has_ended(pid_t pid)
{
	siginfo_t ended = {0};

	return waitid(P_PID, (id_t)pid, &ended, WEXITED | WNOHANG | WNOWAIT) != 0 ||
		ended.si_pid != 0;
}

void embedded_store_wait(const struct embedded_store *s, pid_t pid)
{
	const struct timespec pause = {.tv_nsec = START_POLL_NS};
	uint64_t give_up = clock_mono_us() + START_US;

	while (pid > 0 && !has_ended(pid) && clock_mono_us() < give_up &&
		!redis_embed_ping(&s->redis))
		nanosleep(&pause, NULL);
}

bool embedded_store_wipes(const struct embedded_store *s)
{
	const enum wipe_state here = wipe_self(), there = redis_embed_wipes(&s->redis);

	/* A build without jemalloc overwrites nothing here: then no more is asked of Redis. */
	if (here != WIPE_ALL || there == WIPE_ALL)
		return true;
	log_error("wipe",
		"the embedded Redis: memory %s; " WIPE_LIBRARY
		" must stand beside timeglasd or in ../lib/timeglas, and redis-server "
		"must use jemalloc",
		wipe_state_text(there));
	return false;
}

void embedded_store_watch(struct embedded_store *s, const struct children *cs, uint64_t now_us)
{
	const pid_t pid = children_pid(cs, CHILD_STORE);
	bool stopped;

	if (now_us - s->checked_us < WATCH_EVERY_US)
		return;
	s->checked_us = now_us;
	/* The reaper hears of Redis each second; STALE: not for three. */
	if (pid == 0 || attestation() != ATTEST_STALE || redis_embed_ping(&s->redis)) {
		s->silent = 0;
		return;
	}
	stopped = process_is_stopped(pid);
	if (++s->silent < (stopped ? STOPPED_LOOKS : SILENT_LOOKS))
		return;
	log_error("child-hung", "redis: it %s; it is killed and replaced",
		stopped ? "was stopped by a signal" : "does not answer");
	s->silent = 0;
	children_signal(cs, CHILD_STORE, SIGKILL);
}

void embedded_store_close(struct embedded_store *s)
{
	if (s->run.path[0] != '\0')
		run_dir_close(&s->run);
}
