/*
 * children.c: see children.h. It decides nothing about when a process is started, ended or killed:
 * startup.c, shutdown.c and supervise.c do. Runs in the master.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "admin/admin.h"
#include "base/metrics.h"
#include "courier/courier.h"
#include "master/children.h"
#include "master/logger.h"
#include "reaper/reaper.h"
#include "recorder/recorder.h"
#include "worker/worker.h"

static struct child *add(struct children *cs, const struct child_env *common, enum child_kind kind,
	const char *name, child_main *run, unsigned slot)
{
	struct child *c = &cs->child[cs->n++];

	c->kind = kind;
	c->main = run;
	snprintf(c->name, sizeof c->name, "%s", name);
	c->env = *common;
	c->env.name = c->name;
	c->env.metrics_slot = slot;
	c->env.listen_fd = -1;
	if (kind != CHILD_WORKER) {
		c->env.tls = NULL;
		c->env.handover = NULL;
	}
	return c;
}

static void add_worker(struct children *cs, const struct child_env *common,
	const struct sockets *sockets, unsigned i)
{
	char name[24];
	struct child *c;

	snprintf(name, sizeof name, "worker-%u", i);
	c = add(cs, common, CHILD_WORKER, name, worker_main, CHILD_SLOT_WORKER(i));
	c->env.index = i;
	c->env.listen_fd = sockets->worker[i];
	c->env.worker_fds = sockets->worker;
	c->env.n_workers = sockets->n;
	c->env.proof_fds = sockets->ask;
}

void children_add(
	struct children *cs, const struct child_env *common, const struct sockets *sockets)
{
	unsigned i, n = sockets->n;
	struct child *recorder;

	/* The logger first, for the pipe to it holds only so many lines. The store before those who
	 * connect to it. */
	add(cs, common, CHILD_LOGGER, "logger", logger_main, CHILD_SLOT_LOGGER(n));
	if (common->embedded_store)
		add(cs, common, CHILD_STORE, "redis", NULL, CHILD_SLOT_MASTER);
	for (i = 0; i < n; i++)
		add_worker(cs, common, sockets, i);
	add(cs, common, CHILD_REAPER, "reaper", reaper_main, CHILD_SLOT_REAPER(n));
	add(cs, common, CHILD_ADMIN, "admin", admin_main, CHILD_SLOT_ADMIN(n))->env.listen_fd =
		sockets->admin;
	recorder =
		add(cs, common, CHILD_RECORDER, "recorder", recorder_main, CHILD_SLOT_RECORDER(n));
	recorder->env.proof_fds = sockets->answer;
	recorder->env.n_workers = n;
	if (common->conf->witnesses != NULL)
		add(cs, common, CHILD_COURIER, "courier", courier_main, CHILD_SLOT_COURIER(n));
}

pid_t children_pid(const struct children *cs, enum child_kind kind)
{
	size_t i;

	for (i = 0; i < cs->n; i++)
		if (cs->child[i].kind == kind && cs->child[i].pid > 0)
			return cs->child[i].pid;
	return 0;
}

bool children_any(const struct children *cs, enum child_kind kind)
{
	return children_pid(cs, kind) > 0;
}

void children_signal(const struct children *cs, enum child_kind kind, int sig)
{
	size_t i;

	for (i = 0; i < cs->n; i++)
		if (cs->child[i].kind == kind && cs->child[i].pid > 0)
			kill(cs->child[i].pid, sig);
}

struct child *children_find(struct children *cs, pid_t pid)
{
	size_t i;

	for (i = 0; i < cs->n; i++)
		if (cs->child[i].pid == pid)
			return &cs->child[i];
	return NULL;
}

static bool has_store(const struct child *c)
{
	return metrics_gauge_slot(c->env.metrics, c->env.metrics_slot, G_STORE_UP) > 0;
}

bool children_ready(const struct children *cs)
{
	size_t i;

	for (i = 0; i < cs->n; i++) {
		const struct child *c = &cs->child[i];

		if (c->pid == 0 && c->kind != CHILD_COURIER)
			return false;
		if ((c->kind == CHILD_WORKER || c->kind == CHILD_REAPER) && !has_store(c))
			return false;
	}
	return true;
}

void children_drain_workers(struct children *cs)
{
	size_t i;

	for (i = 0; i < cs->n; i++)
		if (cs->child[i].kind == CHILD_WORKER && has_store(&cs->child[i]))
			supervise_drain(&cs->child[i]);
}

void children_cancel_restarts(struct children *cs)
{
	size_t i;

	for (i = 0; i < cs->n; i++)
		supervise_cancel_restart(&cs->child[i]);
}

void children_set_conf(struct children *cs, struct conf *conf, SSL_CTX *tls)
{
	size_t i;

	for (i = 0; i < cs->n; i++) {
		cs->child[i].env.conf = conf;
		if (cs->child[i].kind == CHILD_WORKER)
			cs->child[i].env.tls = tls;
	}
}
