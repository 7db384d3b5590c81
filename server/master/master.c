/*
 * master.c: brings everything up, keeps it up, and takes it down in order. It touches neither blobs
 * nor client connections.
 *
 * One loop around sigtimedwait(): every signal is blocked and taken there, so nothing happens
 * inside a signal handler.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "admin/admin.h"
#include "base/scoreboard.h"
#include "base/clock.h"
#include "base/heartbeat.h"
#include "base/log.h"
#include "master/dev.h"
#include "master/logger.h"
#include "master/master.h"
#include "master/notify.h"
#include "master/privileges.h"
#include "master/redis_embed.h"
#include "master/reload.h"
#include "master/run_dir.h"
#include "master/sockets.h"
#include "master/supervise.h"
#include "master/swap.h"
#include "reaper/reaper.h"
#include "recorder/recorder.h"
#include "store/attestation.h"
#include "wipe/wipe.h"
#include "worker/worker.h"

#define POLL_START_MS 10  /* while waiting to be ready, or for children to end */
#define POLL_DRAIN_MS 200 /* while waiting for the last blob to be fetched */
/* a child that cannot even start that often: give up, somebody must look */
#define START_FAILURES 3
#define STORE_START_MS 5000
#define GRACE_US 500000u /* for workers, when no time was granted */
#define END_US 2000000u  /* for children that have nothing left to do */
#define ERR_CHARS 4096
#define STORE_LOOK_US 1000000u
/* a store that somebody has stopped goes after that many looks in vain */
#define STORE_STOPPED_LOOKS 3
#define STORE_SILENT_LOOKS 30 /* one that does not answer */

enum state {
	STARTING,
	RUNNING,
	DRAINING,  /* uploads are refused; embedded store: until nothing is left to fetch */
	FINISHING, /* workers end */
	ENDING,    /* then reaper and admin */
	RECORDING, /* then the recorder, which writes down what they did */
	ENDED
};

struct master {
	const struct master_opts *opts;
	struct conf *conf;         /* the last good one: opts->conf, or a reloaded one */
	SSL_CTX *tls;              /* made of what it names */
	struct handover *handover; /* both, for workers that run */
	struct heartbeat *heartbeat;
	uint64_t looked_us; /* when the processes' heartbeats were last looked at */
	uint64_t store_looked_us;
	unsigned store_silent; /* looks at the embedded store in vain, in a row */
	struct metrics *metrics;
	struct scoreboard *scoreboard;
	struct dev *dev;
	struct run_dir run;
	struct sockets sockets;
	char store_url[256];
	bool embedded;
	struct redis_embed redis;
	int target_fd; /* where the log goes: stderr or the file */
	int log_fd;    /* the same at first, then the pipe to the logger */
	enum state state;
	uint64_t deadline_us; /* of DRAINING, FINISHING or ENDING */
	uint64_t asked_us;    /* when FINISHING last told the workers */
	bool wiping_known;    /* the embedded store was asked since it started */
	unsigned stops;       /* signals to stop so far */
	int exit_status;
	struct child *store; /* of child[]; NULL: none is embedded */
	struct child child[SOCKETS_WORKERS_MAX + 5];
	size_t n;
	struct supervise_hooks hooks;
};

/* In processes that need no key of TLS. */
static void forget_keys(void *ctx)
{
	struct master *m = ctx;

	SSL_CTX_free(m->tls);
	m->tls = NULL;
	handover_forget(m->handover);
}

static void in_child(void *ctx, const struct child *c)
{
	struct master *m = ctx;

	logger_in_child(c->kind == CHILD_LOGGER);
	log_init(c->kind == CHILD_LOGGER ? m->target_fd : m->log_fd,
		(enum log_level)m->conf->log_level, c->name);
	if (c->kind == CHILD_WORKER) {
		sockets_close_admin(&m->sockets);
	} else {
		sockets_close_but(&m->sockets, c->env.listen_fd);
		forget_keys(m);
	}
	if (m->embedded)
		run_dir_forget(&m->run);
	dev_forget(m->dev);
	scoreboard_attach(m->scoreboard);
}

static pid_t start_store(void *ctx)
{
	struct master *m = ctx;

	return redis_embed_spawn(m->conf, &m->redis);
}

static struct child *add_child(struct master *m, enum child_kind kind, const char *name,
	child_main *run, unsigned index, unsigned slot, int fd)
{
	struct child *c = &m->child[m->n++];

	c->kind = kind;
	c->main = run;
	snprintf(c->name, sizeof c->name, "%s", name);
	c->env = (struct child_env){
		.name = c->name,
		.index = index,
		.conf = m->conf,
		.store_url = m->store_url,
		.heartbeat = m->heartbeat,
		.listen_fd = fd,
		.metrics = m->metrics,
		.metrics_slot = slot,
		.embedded_store = m->embedded,
	};
	if (kind == CHILD_WORKER) {
		c->env.tls = m->tls;
		c->env.handover = m->handover;
		c->env.worker_fds = m->sockets.worker;
		c->env.n_workers = m->sockets.n;
	}
	return c;
}

static void add_children(struct master *m)
{
	unsigned i, n = m->sockets.n;
	char name[24];

	add_child(m, CHILD_LOGGER, "logger", logger_main, 0, CHILD_SLOT_LOGGER(n), -1);
	if (m->embedded)
		m->store = add_child(m, CHILD_STORE, "redis", NULL, 0, CHILD_SLOT_MASTER, -1);
	for (i = 0; i < n; i++) {
		snprintf(name, sizeof name, "worker-%u", i);
		add_child(m, CHILD_WORKER, name, worker_main, i, CHILD_SLOT_WORKER(i),
			m->sockets.worker[i]);
	}
	add_child(m, CHILD_REAPER, "reaper", reaper_main, 0, CHILD_SLOT_REAPER(n), -1);
	add_child(m, CHILD_ADMIN, "admin", admin_main, 0, CHILD_SLOT_ADMIN(n), m->sockets.admin);
	add_child(m, CHILD_RECORDER, "recorder", recorder_main, 0, CHILD_SLOT_RECORDER(n), -1);
}

/* Start-up ----------------------------------------------------------------- */

/* Whoever started us reads stderr, so what keeps us from starting is said there as well. */
static int refuse(const struct master *m, const char *why)
{
	log_error("start", "%s", why);
	if (m->conf->log_file != NULL && log_can_write(STDERR_FILENO))
		fprintf(stderr, "timeglasd: %s\n", why);
	return -1;
}

static int open_log(struct master *m)
{
	if (m->conf->log_file != NULL) {
		m->target_fd = logger_open_file(m->conf->log_file);
		if (m->target_fd < 0) {
			fprintf(stderr, "timeglasd: cannot write the log %s: %s\n",
				m->conf->log_file,
				errno == ENXIO ?
					"it is a FIFO that nobody reads; start its reader first" :
					strerror(errno));
			return -1;
		}
	}
	log_init(m->target_fd, (enum log_level)m->conf->log_level, "master");
	return 0;
}

/* A file that was just made as root is its user's: the logger opens it anew when it was rotated. */
static void give_log(const struct master *m, uid_t uid, gid_t gid)
{
	struct stat st;

	if (uid == (uid_t)-1 || m->conf->log_file == NULL || fstat(m->target_fd, &st) != 0 ||
		!S_ISREG(st.st_mode) || st.st_size > 0 || st.st_uid != geteuid())
		return;
	if (fchown(m->target_fd, uid, gid) != 0)
		log_warn("log",
			"the log file %s cannot be given to the user '%s', who will have to write "
			"it: %s",
			m->conf->log_file, m->conf->user, strerror(errno));
}

/* From here on lines go to the logger, and wait in its pipe until it runs. */
static int hand_over_log(struct master *m)
{
	int fd = logger_open(m->target_fd);

	if (fd < 0)
		return refuse(m, "no descriptors for the log");
	m->log_fd = fd;
	log_init(fd, (enum log_level)m->conf->log_level, "master");
	return 0;
}

/* Where a dump or a swapped page of the store could go. A development server changes nothing of its
 * machine. */
static void close_leaks(const struct master *m)
{
	char how[160];

	if (swap_keep_out(m->dev == NULL, how, sizeof how))
		log_info("store-swap", "%s", how);
	else
		log_warn("store-swap", "%s", how);
	if (privileges_dumps_core())
		log_warn("store-core", "core dumps could not be turned off");
	else
		log_info("store-core", "no process here dumps core");
}

static int open_store(struct master *m, uid_t uid, gid_t gid, char *err, size_t cap)
{
	m->embedded = m->conf->store_url == NULL;
	if (!m->embedded) {
		snprintf(m->store_url, sizeof m->store_url, "%s", m->conf->store_url);
		if (strlen(m->conf->store_url) < sizeof m->store_url)
			return 0;
		snprintf(err, cap, "the store's URL is too long");
		return -1;
	}
	if (run_dir_open(&m->run, m->conf->run_dir, uid, gid, err, cap) != 0)
		return -1;
	m->redis.socket = m->run.socket;
	m->redis.dir = m->run.path;
	if (m->conf->store_open_socket) {
		snprintf(m->store_url, sizeof m->store_url, "unix://%s", m->run.socket);
		return 0;
	}
	redis_embed_draw_password(&m->redis);
	snprintf(m->store_url, sizeof m->store_url, "unix://" REDIS_EMBED_USER ":%s@%s",
		m->redis.password, m->run.socket);
	return 0;
}

/* Without jemalloc (a sanitizer's build) nothing is overwritten, and that is said; with it,
 * somebody has turned it off. */
static int check_wiping(const struct master *m)
{
	enum wipe_state here = wipe_self();

	if (here == WIPE_NONE || here == WIPE_FREED)
		return refuse(m,
			"freed memory is not overwritten: remove MALLOC_CONF from the environment");
	if (here == WIPE_UNKNOWN)
		log_warn("wipe", "this build has no jemalloc: freed memory is not overwritten");
	return 0;
}

/* Each line of what conf_load() said of a configuration that it took. */
static void log_doubts(const char *lines)
{
	for (size_t n; *lines != '\0'; lines += n + (lines[n] == '\n')) {
		n = strcspn(lines, "\n");
		log_warn("config", "%.*s", (int)n, lines);
	}
}

/* In this order: what needs root, then dropping it, then whatever forks. */
static int prepare(struct master *m)
{
	char err[ERR_CHARS] = "";
	uid_t uid;
	gid_t gid;

	if (m->opts->dev_dir != NULL) {
		m->dev = dev_open(m->opts->dev_dir, m->conf, err, sizeof err);
		if (m->dev == NULL || conf_apply_overrides(m->conf, err, sizeof err) != 0) {
			fprintf(stderr, "timeglasd: %s\n", err);
			return -1;
		}
	}
	if (open_log(m) != 0 || check_wiping(m) != 0 || privileges_user(m->conf, &uid, &gid) != 0)
		return -1;
	give_log(m, uid, gid);
	log_doubts(m->opts->doubts);
	privileges_limit(m->conf);
	if (sockets_open(&m->sockets, m->conf, err, sizeof err) != 0 ||
		open_store(m, uid, gid, err, sizeof err) != 0)
		return refuse(m, err);
	if (m->embedded)
		close_leaks(m);
	m->handover = handover_new();
	if (m->handover == NULL)
		return refuse(m, "out of memory");
	m->tls = reload_tls(m->conf, m->handover, err, sizeof err);
	if (m->tls == NULL)
		return refuse(m, err);
	if (privileges_drop(m->conf, uid, gid) != 0)
		return -1;
	if (m->embedded && run_dir_guard(&m->run, forget_keys, m) != 0)
		return refuse(m, "cannot fork");
	m->metrics = metrics_new(CHILD_SLOTS(m->sockets.n));
	m->scoreboard = scoreboard_new();
	m->heartbeat = heartbeat_new(CHILD_SLOTS(m->sockets.n));
	if (m->metrics == NULL || m->scoreboard == NULL || m->heartbeat == NULL)
		return refuse(m, "out of memory");
	metrics_attach(m->metrics, CHILD_SLOT_MASTER);
	scoreboard_attach(m->scoreboard);
	add_children(m);
	return hand_over_log(m);
}

/* The store first, so that the others find it at their first attempt. */
static void start_all(struct master *m)
{
	const struct timespec pause = {.tv_nsec = 5 * 1000000};
	uint64_t give_up = clock_mono_us() + STORE_START_MS * 1000u;
	size_t i;

	for (i = 0; i < m->n; i++) {
		supervise_start(&m->child[i], &m->hooks);
		if (m->child[i].kind != CHILD_STORE)
			continue;
		while (m->child[i].pid > 0 && kill(m->child[i].pid, 0) == 0 &&
			clock_mono_us() < give_up && !redis_embed_ping(&m->redis)) {
			siginfo_t ended = {0};

			if (waitid(P_PID, (id_t)m->child[i].pid, &ended,
				    WEXITED | WNOHANG | WNOWAIT) == 0 &&
				ended.si_pid != 0)
				break;
			nanosleep(&pause, NULL);
		}
	}
}

static pid_t store_pid(const struct master *m)
{
	return m->store != NULL ? m->store->pid : 0;
}

static pid_t logger_pid(const struct master *m)
{
	size_t i;

	for (i = 0; i < m->n && m->child[i].kind != CHILD_LOGGER; i++)
		;
	return i < m->n ? m->child[i].pid : 0;
}

static bool all_up(const struct master *m)
{
	size_t i;

	for (i = 0; i < m->n; i++) {
		const struct child *c = &m->child[i];

		if (c->pid == 0)
			return false;
		if ((c->kind == CHILD_WORKER || c->kind == CHILD_REAPER) &&
			metrics_gauge_slot(m->metrics, c->env.metrics_slot, G_STORE_UP) < 1)
			return false;
	}
	/* A store that is not attested, or a recorder that cannot write, is no reason not to start:
	 * what is held can be fetched and is erased. */
	enum attest found = attestation();

	if (found == ATTEST_RIGHTS) /* then the recorder, too, may not be let begin */
		return true;
	return found != ATTEST_NOT_YET && scoreboard_evidence() != EVIDENCE_STARTING;
}

/*
 * Asked of every Redis that we start, once it answers: whether the library was found and loaded,
 * and whether that redis-server has an allocator with which it can work. 0, or -1: it keeps bytes,
 * and this build could do better.
 */
static int learn_wiping(struct master *m)
{
	enum wipe_state here = wipe_self(),
			store = m->embedded ? redis_embed_wipes(&m->redis) : here;

	m->wiping_known = true;
	metrics_gauge_set(G_WIPING, here == WIPE_ALL && store == WIPE_ALL);
	if (here != WIPE_ALL || store == WIPE_ALL)
		return 0;
	log_error("wipe",
		"the embedded Redis: memory %s; " WIPE_LIBRARY
		" must stand beside timeglasd or in ../lib/timeglas, and redis-server "
		"must use jemalloc",
		wipe_state_text(store));
	return -1;
}

static void on_ready(struct master *m)
{
	const char *socket = m->embedded                 ? m->run.socket :
		strncmp(m->store_url, "unix://", 7) == 0 ? strchr(m->store_url + 7, '/') :
							   NULL;
	const struct dev_ready ready = {
		.port = m->sockets.port,
		.admin_port = m->sockets.admin_port,
		.host = m->conf->listen_host,
		.admin_host = m->conf->admin_host,
		.redis_socket = socket,
		.redis_pid = store_pid(m),
	};

	m->state = RUNNING;
	log_info("ready", "listening on %s port %u with %u workers", ready.host,
		(unsigned)ready.port, m->sockets.n);
	notify_systemd("READY=1");
	if (m->dev != NULL && dev_ready(m->dev, &ready) != 0)
		kill(getpid(), SIGTERM);
}

/* Shutting down ------------------------------------------------------------ */

static void signal_kind(const struct master *m, enum child_kind kind, int sig)
{
	size_t i;

	for (i = 0; i < m->n; i++)
		if (m->child[i].kind == kind && m->child[i].pid > 0)
			kill(m->child[i].pid, sig);
}

static bool any_running(const struct master *m, enum child_kind kind)
{
	size_t i;

	for (i = 0; i < m->n; i++)
		if (m->child[i].kind == kind && m->child[i].pid > 0)
			return true;
	return false;
}

/* Each worker once, also one that was started in place of another meanwhile; not before it can take
 * the signal. */
static void tell_draining(struct master *m)
{
	size_t i;

	for (i = 0; i < m->n; i++) {
		struct child *c = &m->child[i];

		if (c->kind != CHILD_WORKER || c->pid == 0 || c->told ||
			metrics_gauge_slot(m->metrics, c->env.metrics_slot, G_STORE_UP) < 1)
			continue;
		c->told = true;
		kill(c->pid, SIGTERM);
	}
}

/* A worker with an embedded store goes on serving fetches after its first SIGTERM and ends after
 * another. */
static void finish(struct master *m)
{
	uint64_t now = clock_mono_us();
	size_t i;

	for (i = 0; i < m->n; i++)
		m->child[i].restart_at_us = 0;
	m->state = FINISHING;
	m->asked_us = now;
	if (m->deadline_us < now + GRACE_US)
		m->deadline_us = now + GRACE_US;
	signal_kind(m, CHILD_WORKER, SIGTERM);
}

static void end(struct master *m)
{
	m->state = ENDING;
	m->deadline_us = clock_mono_us() + END_US;
	signal_kind(m, CHILD_REAPER, SIGTERM);
	signal_kind(m, CHILD_ADMIN, SIGTERM);
}

static void on_stop(struct master *m, int sig)
{
	m->stops++;
	if (m->state == STARTING || m->state == RUNNING) {
		log_info("stopping", "%s; for at most %u s",
			sig == SIGINT ? "interrupted" : "asked to end", m->conf->drain_s);
		notify_systemd("STOPPING=1");
		metrics_gauge_set(G_DRAINING, 1);
		m->deadline_us = clock_mono_us() + (uint64_t)m->conf->drain_s * 1000000u;
		m->state = DRAINING;
	} else if (m->stops > 1) {
		log_info("stopping", "asked again: at once");
		m->deadline_us = 0;
		signal_kind(m, CHILD_WORKER, SIGKILL);
		if (m->state == DRAINING)
			finish(m);
	}
}

/* 0: nothing more to fetch. A store that does not answer holds nothing that could be fetched. */
static bool must_wait(const struct master *m)
{
	return m->conf->drain_s > 0 && store_pid(m) > 0 && clock_mono_us() < m->deadline_us &&
		redis_embed_holds_blobs(&m->redis) == 1;
}

static void give_up(struct master *m, const char *why)
{
	refuse(m, why);
	m->exit_status = EXIT_FAILURE;
	m->deadline_us = 0;
	finish(m);
}

/*
 * Of the embedded store the reaper hears each second. When it has not for three, we ask as well. A
 * store that somebody has stopped, or that hangs, erases nothing and serves nobody: it is killed,
 * and what it holds goes with it.
 */
static void watch_store(struct master *m, uint64_t now)
{
	bool stopped;

	if (now - m->store_looked_us < STORE_LOOK_US)
		return;
	m->store_looked_us = now;
	if (store_pid(m) <= 0 || attestation() != ATTEST_STALE || redis_embed_ping(&m->redis)) {
		m->store_silent = 0;
		return;
	}
	stopped = supervise_is_stopped(store_pid(m));
	if (++m->store_silent < (stopped ? STORE_STOPPED_LOOKS : STORE_SILENT_LOOKS))
		return;
	log_error("child-hung", "redis: it %s; it is killed and replaced",
		stopped ? "was stopped by a signal" : "does not answer");
	m->store_silent = 0;
	signal_kind(m, CHILD_STORE, SIGKILL);
}

static void advance(struct master *m)
{
	uint64_t now = clock_mono_us();

	switch (m->state) {
	case STARTING:
		if (!all_up(m))
			break;
		if (learn_wiping(m) == 0)
			on_ready(m);
		else
			give_up(m,
				"erased evidence would stay in the embedded Redis's memory; the "
				"log says what is missing");
		break;
	case DRAINING:
		tell_draining(m);
		if (!must_wait(m))
			finish(m);
		break;
	case FINISHING:
		if (!any_running(m, CHILD_WORKER)) {
			end(m);
		} else if (now >= m->deadline_us) {
			log_warn("stopping", "workers had not finished in time and were killed");
			signal_kind(m, CHILD_WORKER, SIGKILL);
		} else if (now - m->asked_us >= POLL_START_MS * 2000u) {
			/* Two signals sent at once may arrive as one. */
			m->asked_us = now;
			signal_kind(m, CHILD_WORKER, SIGTERM);
		}
		break;
	case ENDING:
		if (now >= m->deadline_us) {
			signal_kind(m, CHILD_REAPER, SIGKILL);
			signal_kind(m, CHILD_ADMIN, SIGKILL);
		}
		if (any_running(m, CHILD_REAPER) || any_running(m, CHILD_ADMIN))
			break;
		m->state = RECORDING;
		m->deadline_us = now + END_US;
		signal_kind(m, CHILD_RECORDER, SIGTERM);
		break;
	case RECORDING:
		if (now >= m->deadline_us)
			signal_kind(m, CHILD_RECORDER, SIGKILL);
		if (any_running(m, CHILD_RECORDER))
			break;
		/* It has nothing to save; the kernel clears its memory before anyone else gets it.
		 */
		signal_kind(m, CHILD_STORE, SIGKILL);
		if (!any_running(m, CHILD_STORE))
			m->state = ENDED;
		break;
	case RUNNING:
		watch_store(m, now);
		if (!m->wiping_known && redis_embed_ping(&m->redis))
			(void)learn_wiping(m);
		break;
	case ENDED:
		break;
	}
}

/* Signals ------------------------------------------------------------------ */

static void on_child_ended(struct master *m, pid_t pid, int status)
{
	bool going_on = m->state == STARTING || m->state == RUNNING;
	size_t i;

	for (i = 0; i < m->n && m->child[i].pid != pid; i++)
		;
	if (i == m->n)
		return;
	if (m->child[i].kind == CHILD_STORE && going_on) {
		log_error(
			"store-lost", "the embedded Redis ended; everything that it held is gone");
		m->wiping_known = false;
		metrics_gauge_set(G_WIPING, 0);
	}
	/* While draining, a worker that died must still be replaced: it may be the only one that
	 * serves the last fetches. */
	supervise_ended(&m->child[i], status,
		going_on || (m->state == DRAINING && m->child[i].kind != CHILD_STORE));
	if (m->state == STARTING && m->child[i].failures >= START_FAILURES)
		give_up(m, "a process cannot start; the log says why");
}

static void on_sigchld(struct master *m)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		on_child_ended(m, pid, status);
}

static void use(struct master *m, struct conf *fresh, SSL_CTX *tls)
{
	size_t i;

	SSL_CTX_free(m->tls);
	m->tls = tls;
	for (i = 0; i < m->n; i++) {
		m->child[i].env.conf = fresh;
		if (m->child[i].kind == CHILD_WORKER)
			m->child[i].env.tls = tls;
	}
	if (m->conf != m->opts->conf && m->conf != fresh)
		conf_free(m->conf);
	m->conf = fresh;
}

/* Reads and checks everything before anything changes. Returns 0, or -1 with err. */
static int reload(struct master *m, char *err, size_t cap)
{
	char changed[512] = "";
	struct conf *fresh = m->conf;
	SSL_CTX *tls = NULL;

	if (m->opts->conf_path != NULL && conf_load(m->opts->conf_path, &fresh, err, cap) != 0)
		return -1;
	if (m->opts->conf_path != NULL)
		log_doubts(err);
	if (fresh != m->conf && conf_keep_fixed(fresh, m->conf, changed, sizeof changed) != 0)
		snprintf(err, cap, "out of memory; free some");
	else
		tls = reload_tls(fresh, m->handover, err, cap);
	if (tls == NULL) {
		if (fresh != m->conf)
			conf_free(fresh);
		return -1;
	}
	use(m, fresh, tls);
	if (changed[0] != '\0')
		log_warn("reload",
			"the file has other values for %s; that takes a restart, and until then "
			"the old ones stay",
			changed);
	return 0;
}

static void signal_children(const struct master *m, int sig, bool all)
{
	size_t i;

	for (i = 0; i < m->n; i++)
		if (m->child[i].pid > 0 && m->child[i].kind != CHILD_STORE &&
			(all || m->child[i].kind == CHILD_LOGGER))
			kill(m->child[i].pid, sig);
}

static void on_sighup(struct master *m)
{
	char err[ERR_CHARS];
	bool ok;

	notify_reloading();
	ok = reload(m, err, sizeof err) == 0;
	if (ok)
		log_info("reload",
			"%zu peers, certificates and keys are good; the workers take them over",
			m->conf->n_peers);
	else
		log_error("reload", "nothing has changed, in no process: %s", err);
	signal_children(m, SIGHUP, ok);
	notify_systemd("READY=1");
}

static int wait_ms(const struct master *m)
{
	int next = supervise_next_ms(m->child, m->n), poll = HEARTBEAT_EVERY_MS;

	if (m->state == DRAINING)
		poll = POLL_DRAIN_MS;
	else if (m->state != RUNNING || !m->wiping_known)
		poll = POLL_START_MS;
	return next < 0 || poll < next ? poll : next;
}

static void loop(struct master *m, const sigset_t *set)
{
	while (m->state != ENDED) {
		int ms = wait_ms(m), sig;
		const struct timespec t = {ms / 1000, ms % 1000 * 1000000L};

		sig = sigtimedwait(set, NULL, &t);
		if (sig == SIGCHLD)
			on_sigchld(m);
		else if (sig == SIGTERM || sig == SIGINT)
			on_stop(m, sig);
		else if (sig == SIGHUP)
			on_sighup(m);
		supervise_start_due(m->child, m->n, &m->hooks);
		if (m->state == STARTING || m->state == RUNNING || m->state == DRAINING)
			supervise_check_heartbeats(m->child, m->n, clock_mono_us(), &m->looked_us);
		advance(m);
	}
}

int master_run(const struct master_opts *o)
{
	struct master *m = calloc(1, sizeof *m);
	sigset_t set;
	int status = EXIT_FAILURE;

	if (m == NULL)
		return status;
	m->opts = o;
	m->conf = o->conf;
	m->hooks = (struct supervise_hooks){in_child, start_store, m};
	m->target_fd = m->log_fd = STDERR_FILENO;
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	signal(SIGPIPE, SIG_IGN);
	if (o->child_argv != NULL)
		supervise_title_init(o->child_argv);
	if (prepare(m) == 0) {
		sigprocmask(SIG_BLOCK, &set, NULL);
		start_all(m);
		loop(m, &set);
		status = m->exit_status;
		log_info("ended", NULL);
		logger_finish(logger_pid(m));
	}
	if (m->run.path[0] != '\0')
		run_dir_close(&m->run);
	SSL_CTX_free(m->tls);
	handover_free(m->handover);
	heartbeat_free(m->heartbeat);
	metrics_free(m->metrics);
	scoreboard_free(m->scoreboard);
	dev_close(m->dev);
	if (m->conf != o->conf)
		conf_free(m->conf);
	free(m);
	return status;
}
