/*
 * startup.c: see startup.h. It changes no state of the master: it answers with the event that has
 * happened. Runs in the master; in_child() and forget_keys() in what it forks.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "master/logger.h"
#include "master/notify.h"
#include "master/privileges.h"
#include "master/startup.h"
#include "master/swap.h"
#include "master/tls_files.h"
#include "store/attestation.h"
#include "wipe/wipe.h"

/* A process that has ended so often before the server was ready will not start by itself. */
#define START_FAILURES 3

/* Logs why the server does not start. Whoever started it reads standard error: it is said there,
 * too, when the log goes elsewhere. Returns -1. */
static int refuse(const struct master *m, const char *why)
{
	log_error("start", "%s", why);
	if (m->conf->log_file != NULL && log_can_write(STDERR_FILENO))
		fprintf(stderr, "timeglasd: %s\n", why);
	return -1;
}

/* The log ------------------------------------------------------------------ */

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

/* Gives a log file that was just created by root to the server's user: its logger has to open the
 * file again when it was rotated. */
static void give_log(const struct master *m, uid_t uid, gid_t gid)
{
	struct stat st;

	if (uid == (uid_t)-1 || m->conf->log_file == NULL || fstat(m->target_fd, &st) != 0 ||
		!S_ISREG(st.st_mode) || st.st_size > 0 || st.st_uid != geteuid())
		return;
	if (fchown(m->target_fd, uid, gid) != 0)
		log_warn("log",
			"the log file %s cannot be given to the user '%s', who has to write it: "
			"%s; change its owner",
			m->conf->log_file, m->conf->user, strerror(errno));
}

/* From here on lines go to the logger. Until it runs they wait in its pipe. */
static int hand_over_log(struct master *m)
{
	int fd = logger_open(m->target_fd);

	if (fd < 0)
		return refuse(m, "no descriptors are left for the log; raise LimitNOFILE");
	m->log_fd = fd;
	log_init(fd, (enum log_level)m->conf->log_level, "master");
	return 0;
}

void startup_log_doubts(const char *lines)
{
	for (size_t n; *lines != '\0'; lines += n + (lines[n] == '\n')) {
		n = strcspn(lines, "\n");
		log_warn("config", "%.*s", (int)n, lines);
	}
}

/* The store ---------------------------------------------------------------- */

/* Closes the ways by which Redis's memory reaches a disk. A development server changes nothing of
 * its machine. */
static void close_leaks(const struct master *m)
{
	char how[160];

	if (swap_keep_out(m->dev == NULL, how, sizeof how))
		log_info("store-swap", "%s", how);
	else
		log_warn("store-swap", "%s", how);
	if (privileges_dumps_core())
		log_warn("store-core", "core dumps could not be turned off; set LimitCORE=0");
	else
		log_info("store-core", "no process here dumps core");
}

static int open_store(struct master *m, uid_t uid, gid_t gid, char *err, size_t cap)
{
	m->embedded = m->conf->store_url == NULL;
	if (m->embedded) {
		if (embedded_store_open(&m->store, m->conf, uid, gid, m->store_url, err, cap) != 0)
			return -1;
		close_leaks(m);
		return 0;
	}
	snprintf(m->store_url, sizeof m->store_url, "%s", m->conf->store_url);
	if (strlen(m->conf->store_url) < sizeof m->store_url)
		return 0;
	snprintf(err, cap, "the store's URL is too long; at most %zu bytes",
		sizeof m->store_url - 1);
	return -1;
}

/* A build without jemalloc (a sanitizer's) overwrites nothing, and says so. With jemalloc, somebody
 * has turned it off. */
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

/* The children ------------------------------------------------------------- */

/* In a process that needs no key of TLS. */
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
	const bool is_logger = c->kind == CHILD_LOGGER;

	logger_in_child(is_logger);
	log_init(is_logger ? m->target_fd : m->log_fd, (enum log_level)m->conf->log_level, c->name);
	sockets_close_proofs_but(&m->sockets, c->kind == CHILD_WORKER ? (int)c->env.index : -1,
		c->kind == CHILD_RECORDER);
	if (c->kind == CHILD_WORKER) {
		sockets_close_admin(&m->sockets);
	} else {
		sockets_close_but(&m->sockets, c->env.listen_fd);
		forget_keys(m);
	}
	if (m->embedded)
		run_dir_forget(&m->store.run);
	dev_forget(m->dev);
	scoreboard_attach(m->scoreboard);
}

static pid_t start_store(void *ctx)
{
	struct master *m = ctx;

	return redis_embed_spawn(m->conf, &m->store.redis);
}

static int share_memory(struct master *m)
{
	const unsigned slots = CHILD_SLOTS(m->sockets.n);

	m->metrics = metrics_new(slots);
	m->scoreboard = scoreboard_new();
	m->allowance = allowance_new();
	m->heartbeat = heartbeat_new(slots);
	if (m->metrics == NULL || m->scoreboard == NULL || m->allowance == NULL ||
		m->heartbeat == NULL)
		return refuse(m, "out of memory; free some");
	metrics_attach(m->metrics, CHILD_SLOT_MASTER);
	scoreboard_attach(m->scoreboard);
	allowance_attach(m->allowance);
	return 0;
}

static void add_children(struct master *m)
{
	const struct child_env common = {
		.conf = m->conf,
		.tls = m->tls,
		.handover = m->handover,
		.heartbeat = m->heartbeat,
		.store_url = m->store_url,
		.metrics = m->metrics,
		.embedded_store = m->embedded,
	};

	m->children.hooks = (struct supervise_hooks){
		.in_child = in_child, .start_store = start_store, .ctx = m};
	children_add(&m->children, &common, &m->sockets);
}

/* In order ----------------------------------------------------------------- */

static int prepare_dev(struct master *m, char *err, size_t cap)
{
	if (m->dev_dir == NULL)
		return 0;
	m->dev = dev_open(m->dev_dir, m->conf, err, cap);
	if (m->dev != NULL && conf_apply_overrides(m->conf, err, cap) == 0)
		return 0;
	fprintf(stderr, "timeglasd: %s\n", err);
	return -1;
}

/* What may need root: files, ports, limits. */
static int open_all(struct master *m, uid_t *uid, gid_t *gid, char *err, size_t cap)
{
	if (open_log(m) != 0 || check_wiping(m) != 0 || privileges_user(m->conf, uid, gid) != 0)
		return -1;
	give_log(m, *uid, *gid);
	startup_log_doubts(m->doubts);
	privileges_limit(m->conf);
	if (sockets_open(&m->sockets, m->conf, err, cap) != 0 ||
		open_store(m, *uid, *gid, err, cap) != 0)
		return refuse(m, err);
	m->handover = handover_new();
	if (m->handover == NULL)
		return refuse(m, "out of memory; free some");
	m->tls = tls_files_load(m->conf, m->handover, err, cap);
	return m->tls != NULL ? 0 : refuse(m, err);
}

int startup_prepare(struct master *m)
{
	char err[MASTER_ERR_CHARS] = "";
	uid_t uid;
	gid_t gid;

	if (prepare_dev(m, err, sizeof err) != 0 || open_all(m, &uid, &gid, err, sizeof err) != 0 ||
		privileges_drop(m->conf, uid, gid) != 0)
		return -1;
	/* Nothing forks before the privileges are dropped. */
	if (m->embedded && run_dir_guard(&m->store.run, forget_keys, m) != 0)
		return refuse(m, "cannot start a process; raise the limit of processes");
	if (share_memory(m) != 0)
		return -1;
	add_children(m);
	return hand_over_log(m);
}

void startup_start_children(struct master *m)
{
	size_t i;

	for (i = 0; i < m->children.n; i++) {
		struct child *c = &m->children.child[i];

		supervise_start(c, &m->children.hooks);
		if (c->kind == CHILD_STORE)
			embedded_store_wait(&m->store, c->pid);
	}
}

/* A store that is not attested, or a recorder that cannot write, is no reason not to start: what is
 * held can be fetched, and is erased. */
static bool evidence_known(void)
{
	enum attest found = attestation();

	if (found == ATTEST_RIGHTS) /* then the recorder, too, may not be able to begin */
		return true;
	return found != ATTEST_NOT_YET && scoreboard_evidence() != EVIDENCE_STARTING;
}

static enum master_event fail(struct master *m, const char *why)
{
	refuse(m, why);
	m->exit_status = EXIT_FAILURE;
	return MASTER_EV_START_FAILED;
}

enum master_event startup_poll(struct master *m)
{
	if (!children_ready(&m->children) || !evidence_known())
		return MASTER_EV_NONE;
	if (!m->embedded || embedded_store_wipes(&m->store))
		return MASTER_EV_READY;
	return fail(m,
		"erased evidence would stay in the embedded Redis's memory; the log says what is "
		"missing");
}

enum master_event startup_child_ended(struct master *m, const struct child *c)
{
	if (c->failures < START_FAILURES)
		return MASTER_EV_NONE;
	return fail(m, "a process cannot start; the log says why");
}

static const char *socket_of(const struct master *m)
{
	if (m->embedded)
		return m->store.run.socket;
	return strncmp(m->store_url, "unix://", 7) == 0 ? strchr(m->store_url + 7, '/') : NULL;
}

void startup_announce(struct master *m)
{
	const struct dev_ready ready = {
		.port = m->sockets.port,
		.admin_port = m->sockets.admin_port,
		.host = m->conf->listen_host,
		.admin_host = m->conf->admin_host,
		.redis_socket = socket_of(m),
		.redis_pid = children_pid(&m->children, CHILD_STORE),
	};

	log_info("ready", "listening on %s port %u with %u workers", ready.host,
		(unsigned)ready.port, m->sockets.n);
	notify_systemd("READY=1");
	if (m->dev != NULL && dev_ready(m->dev, &ready) != 0)
		kill(getpid(), SIGTERM);
}
