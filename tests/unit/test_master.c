/* Goal: the master's parts by themselves: pauses, the embedded store's configuration, its folder,
 * readiness, throwaway certificates, sd_notify. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <timeglas/errors.h>

#include "admin/ready.h"
#include "base/heartbeat.h"
#include "base/log.h"
#include "conf/pem.h"
#include "master/memory.h"
#include "master/notify.h"
#include "master/pki.h"
#include "master/redis_embed.h"
#include "master/run_dir.h"
#include "master/sockets.h"
#include "master/supervise.h"

static char dir[64];

static char *in_dir(const char *name)
{
	static char full[4][128];
	static unsigned turn;
	char *p = full[turn++ % 4];

	snprintf(p, sizeof full[0], "%s/%s", dir, name);
	return p;
}

static int setup(void **state)
{
	(void)state;
	snprintf(dir, sizeof dir, "/tmp/timeglas-master-XXXXXX");
	return mkdtemp(dir) == NULL;
}

static int teardown(void **state)
{
	(void)state;
	return rmdir(dir); /* each test removes what it made */
}

static void supervise_pause_ms_doubles_up_to_its_bound(void **state)
{
	static const unsigned want[] = {0, 100, 200, 400, 800, 1000, 1000};
	unsigned i;

	(void)state;
	for (i = 0; i < sizeof want / sizeof *want; i++)
		assert_int_equal(supervise_pause_ms(i), want[i]);
	assert_int_equal(supervise_pause_ms(1000000), 1000);
}

static int exits_with_index(const struct child_env *env)
{
	return (int)env->index;
}

static void nothing_in_child(void *ctx, const struct child *c)
{
	(void)ctx, (void)c;
}

static void supervise_ended_child_is_restarted_after_its_pause(void **state)
{
	const struct supervise_hooks hooks = {nothing_in_child, NULL, NULL};
	struct metrics *m = metrics_new(2);
	struct child c = {.kind = CHILD_WORKER,
		.name = "worker-0",
		.main = exits_with_index,
		.env = {.index = 7, .metrics = m, .metrics_slot = 1}};
	int status, next;

	(void)state;
	metrics_attach(m, 0);
	supervise_start(&c, &hooks);
	assert_true(c.pid > 0);
	assert_int_equal(supervise_next_ms(&c, 1), -1);
	assert_int_equal(waitpid(c.pid, &status, 0), c.pid);
	assert_int_equal(WEXITSTATUS(status), 7);
	supervise_ended(&c, status, true);
	assert_int_equal(c.pid, 0);
	assert_int_equal(c.failures, 1);
	next = supervise_next_ms(&c, 1);
	assert_true(next > 50 && next <= 101);
	supervise_tick(&c, 1, &hooks); /* not due yet */
	assert_int_equal(c.pid, 0);
	c.restart_at_us = 1; /* long ago */
	assert_int_equal(supervise_next_ms(&c, 1), 0);
	supervise_tick(&c, 1, &hooks);
	assert_true(c.pid > 0);
	assert_int_equal(waitpid(c.pid, &status, 0), c.pid);
	supervise_ended(&c, status, false);
	assert_int_equal(supervise_next_ms(&c, 1), -1);
	metrics_free(m);
}

static int sleeps_for_ever(const struct child_env *env)
{
	while (env != NULL)
		pause();
	return 0;
}

/* A look that itself came late is no reason; a beat begins the patience anew; then exactly the
 * looks of SUPERVISE_HUNG_MS are waited. */
static void supervise_watch_kills_who_does_not_beat(void **state)
{
	enum { LOOKS = SUPERVISE_HUNG_MS / HEARTBEAT_EVERY_MS };
	const struct supervise_hooks hooks = {nothing_in_child, NULL, NULL};
	struct metrics *m = metrics_new(2);
	struct heartbeat *h = heartbeat_new(2);
	struct child c = {.kind = CHILD_REAPER,
		.name = "reaper",
		.main = sleeps_for_ever,
		.env = {.metrics = m, .metrics_slot = 1, .heartbeat = h}};
	uint64_t now = 1000000, looked = now;
	int status;

	(void)state;
	metrics_attach(m, 0);
	supervise_start(&c, &hooks);
	for (int i = 0; i < LOOKS * 3; i++) /* it is the master who does not run */
		supervise_watch(&c, 1, now += 2 * HEARTBEAT_EVERY_MS * 1000u, &looked);
	/* it has not begun yet: it may ask a name server where the store is */
	for (int i = 0; i < LOOKS + 1; i++)
		supervise_watch(&c, 1, now += HEARTBEAT_EVERY_MS * 1000u, &looked);
	heartbeat_attach(h, 1);
	heartbeat_beat();
	for (int i = 0; i < LOOKS; i++)
		supervise_watch(&c, 1, now += HEARTBEAT_EVERY_MS * 1000u, &looked);
	supervise_watch(&c, 1, now + 1, &looked); /* not yet time to look */
	assert_int_equal(waitpid(c.pid, &status, WNOHANG), 0);
	heartbeat_beat();
	heartbeat_attach(NULL, 0);
	for (int i = 0; i < LOOKS; i++)
		supervise_watch(&c, 1, now += HEARTBEAT_EVERY_MS * 1000u, &looked);
	assert_int_equal(waitpid(c.pid, &status, WNOHANG), 0);
	supervise_watch(&c, 1, now += HEARTBEAT_EVERY_MS * 1000u, &looked);
	assert_int_equal(waitpid(c.pid, &status, 0), c.pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	heartbeat_free(h);
	metrics_free(m);
}

static void assert_line(const char *text, const char *line)
{
	const char *at = strstr(text, line);

	if (at == NULL || (at != text && at[-1] != '\n'))
		fail_msg("missing: %s\nin:\n%s", line, text);
}

static void redis_embed_config_is_volatile_and_never_evicts(void **state)
{
	static const char *const lines[] = {"port 0\n", "save \"\"\n", "appendonly no\n",
		"rdb-del-sync-files yes\n", "repl-diskless-load swapdb\n",
		"slowlog-log-slower-than -1\n", "crash-log-enabled no\n",
		"maxmemory-policy noeviction\n", "maxmemory 123456789\n",
		"unixsocket \"/run/x/redis.sock\"\n", "unixsocketperm 700\n", "dir \"/run/x\"\n",
		"timeout 0\n", "io-threads 1\n", "hz 100\n"};
	const struct redis_embed closed = {.socket = "/run/x/redis.sock",
					 .dir = "/run/x",
					 .password = "0123"},
				 open = {.socket = "/run/x/redis.sock", .dir = "/run/x"};
	struct conf *c = conf_new();
	char text[4096], small[32];
	size_t i;

	(void)state;
	assert_true(redis_embed_config(c, &closed, 123456789, text, sizeof text) < sizeof text);
	for (i = 0; i < sizeof lines / sizeof *lines; i++)
		assert_line(text, lines[i]);
	assert_line(text, "enable-debug-command no\n");
	assert_line(text, "rename-command BGSAVE \"\"\n");
	assert_line(text, "rename-command MONITOR \"\"\n");
	assert_line(text, "user default off\n");
	assert_line(text,
		"user timeglasd on >0123 ~tg:* &tg:* +@all -@admin -@dangerous +info "
		"+config|get\n");
	c->store_open_socket = true;
	assert_true(redis_embed_config(c, &open, 1, text, sizeof text) < sizeof text);
	assert_null(strstr(text, "rename-command"));
	assert_null(strstr(text, "user "));
	assert_true(redis_embed_config(c, &open, 1, small, sizeof small) >= sizeof small);
	conf_free(c);
}

static void memory_available_is_at_most_the_machines(void **state)
{
	uint64_t all = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE),
		 got = memory_available_bytes();

	(void)state;
	assert_true(got > 0 && got <= all);
}

static void run_dir_in_use_is_refused_and_a_dead_masters_is_taken_over(void **state)
{
	struct run_dir a, b;
	struct stat st;
	char err[256];
	FILE *f;

	(void)state;
	assert_int_equal(run_dir_open(&a, in_dir("run"), (uid_t)-1, (gid_t)-1, err, sizeof err), 0);
	assert_int_equal(stat(a.path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	f = fopen(a.socket, "w"); /* stands for a socket left behind */
	assert_non_null(f);
	fclose(f);
	assert_int_equal(
		run_dir_open(&b, in_dir("run"), (uid_t)-1, (gid_t)-1, err, sizeof err), TG_EINVAL);
	assert_non_null(strstr(err, "another timeglasd uses"));
	assert_int_equal(access(a.socket, F_OK), 0);
	run_dir_forget(&a); /* what a killed master's descriptors come to */
	assert_int_equal(run_dir_open(&b, in_dir("run"), (uid_t)-1, (gid_t)-1, err, sizeof err), 0);
	assert_int_not_equal(access(b.socket, F_OK), 0);
	run_dir_close(&b);
	assert_int_not_equal(stat(in_dir("run"), &st), 0);
}

static void forget_nothing(void *ctx)
{
	(void)ctx;
}

static void run_dir_of_a_killed_master_is_removed_by_the_janitor(void **state)
{
	char path[128] = "", c;
	int fds[2], tries, status;
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct run_dir d;
		char err[256];

		if (run_dir_open(&d, in_dir("run"), (uid_t)-1, (gid_t)-1, err, sizeof err) != 0 ||
			run_dir_guard(&d, forget_nothing, NULL) != 0 || write(fds[1], "x", 1) != 1)
			_exit(1);
		pause();
		_exit(1);
	}
	assert_int_equal(read(fds[0], &c, 1), 1);
	snprintf(path, sizeof path, "%s", in_dir("run"));
	assert_int_equal(access(path, F_OK), 0);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	for (tries = 0; tries < 500 && access(path, F_OK) == 0; tries++)
		usleep(10000);
	assert_int_not_equal(access(path, F_OK), 0);
	close(fds[0]);
	close(fds[1]);
}

static void run_dir_fresh_ones_differ(void **state)
{
	struct run_dir a, b;
	char err[256];

	(void)state;
	assert_int_equal(run_dir_open(&a, NULL, (uid_t)-1, (gid_t)-1, err, sizeof err), 0);
	assert_int_equal(run_dir_open(&b, NULL, (uid_t)-1, (gid_t)-1, err, sizeof err), 0);
	assert_string_not_equal(a.path, b.path);
	assert_true(strlen(a.socket) <= 107);
	run_dir_close(&a);
	run_dir_close(&b);
}

static const char *ready_says(const struct metrics *m, bool *ready)
{
	static char text[512];
	struct jsonw w = {0};
	size_t n;
	const char *t;

	*ready = ready_text(m, 2, "an auditor", 5, &w);
	t = jsonw_text(&w, &n);
	assert_non_null(t);
	snprintf(text, sizeof text, "%.*s", (int)n, t);
	jsonw_free(&w);
	return text;
}

static void ready_text_names_what_is_missing(void **state)
{
	struct metrics *m = metrics_new(CHILD_SLOTS(2));
	bool ready;

	(void)state;
	assert_non_null(strstr(ready_says(m, &ready), "2 of 2 workers"));
	assert_false(ready);
	metrics_attach(m, CHILD_SLOT_WORKER(0));
	metrics_gauge_set(G_STORE_UP, 1);
	assert_non_null(strstr(ready_says(m, &ready), "1 of 2 workers"));
	metrics_attach(m, CHILD_SLOT_WORKER(1));
	metrics_gauge_set(G_STORE_UP, 1);
	assert_string_equal(ready_says(m, &ready),
		"{\"ready\":false,\"reasons\":[\"the reaper is not running or cannot use the "
		"store\"],"
		"\"store\":\"nobody is asked for attestation here\",\"evidence\":\"the recorder "
		"has not begun yet\"}");
	assert_false(ready);
	metrics_attach(m, CHILD_SLOT_REAPER(2));
	metrics_gauge_set(G_STORE_UP, 1);
	assert_string_equal(ready_says(m, &ready),
		"{\"ready\":true,\"reasons\":[],"
		"\"store\":\"nobody is asked for attestation here\",\"evidence\":\"the recorder "
		"has not begun yet\"}");
	assert_true(ready);
	metrics_attach(m, CHILD_SLOT_MASTER);
	metrics_gauge_set(G_DRAINING, 1);
	assert_non_null(strstr(ready_says(m, &ready), "shutting down"));
	assert_false(ready);
	metrics_free(m);
}

static X509 *read_cert(const char *path)
{
	FILE *f = fopen(path, "r");
	X509 *x;

	assert_non_null(f);
	x = PEM_read_X509(f, NULL, NULL, NULL);
	fclose(f);
	assert_non_null(x);
	return x;
}

static int verifies(const char *cert, const char *ca, const char *host)
{
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	X509 *root = read_cert(ca), *leaf = read_cert(cert);
	int ok;

	X509_STORE_add_cert(store, root);
	X509_STORE_CTX_init(ctx, store, leaf, NULL);
	X509_VERIFY_PARAM_set_flags(X509_STORE_CTX_get0_param(ctx), X509_V_FLAG_X509_STRICT);
	X509_STORE_CTX_set_purpose(
		ctx, host != NULL ? X509_PURPOSE_SSL_SERVER : X509_PURPOSE_SSL_CLIENT);
	ok = X509_verify_cert(ctx) == 1 &&
		(host == NULL || X509_check_host(leaf, host, 0, 0, NULL) == 1 ||
			X509_check_ip_asc(leaf, host, 0) == 1);
	X509_STORE_CTX_free(ctx);
	X509_STORE_free(store);
	X509_free(root);
	X509_free(leaf);
	return ok;
}

static void pki_issue_certificates_verify_strictly(void **state)
{
	static const char *const made[] = {"ca.pem", "ca.key", "s.pem", "s.key", "c.pem", "c.key"};
	char err[256];
	uint8_t one[32], two[32];
	struct stat st;
	struct pki *p;
	size_t i;

	(void)state;
	p = pki_open(in_dir("ca.pem"), in_dir("ca.key"), err, sizeof err);
	assert_non_null(p);
	assert_int_equal(pki_issue(p, "server", PKI_SERVER, in_dir("s.pem"), in_dir("s.key"), err,
				 sizeof err),
		0);
	assert_int_equal(pki_issue(p, "verifier", PKI_CLIENT, in_dir("c.pem"), in_dir("c.key"), err,
				 sizeof err),
		0);
	pki_free(p);
	assert_true(verifies(in_dir("s.pem"), in_dir("ca.pem"), "127.0.0.1"));
	assert_true(verifies(in_dir("s.pem"), in_dir("ca.pem"), "::1"));
	assert_true(verifies(in_dir("s.pem"), in_dir("ca.pem"), "localhost"));
	assert_false(verifies(in_dir("s.pem"), in_dir("ca.pem"), "example.org"));
	assert_true(verifies(in_dir("c.pem"), in_dir("ca.pem"), NULL));
	/* a server's is no client's */
	assert_false(verifies(in_dir("s.pem"), in_dir("ca.pem"), NULL));
	assert_int_equal(pem_check_key(in_dir("c.key"), in_dir("c.pem"), err, sizeof err), 0);
	assert_int_equal(stat(in_dir("c.key"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);

	assert_int_equal(pem_spki(in_dir("ca.pem"), one, err, sizeof err), 0);
	p = pki_open(in_dir("ca.pem"), in_dir("ca.key"), err, sizeof err); /* kept */
	pki_free(p);
	assert_int_equal(pem_spki(in_dir("ca.pem"), two, err, sizeof err), 0);
	assert_memory_equal(one, two, sizeof one);
	assert_int_equal(unlink(in_dir("ca.key")), 0);
	p = pki_open(in_dir("ca.pem"), in_dir("ca.key"), err, sizeof err); /* no key: made anew */
	pki_free(p);
	assert_int_equal(pem_spki(in_dir("ca.pem"), two, err, sizeof err), 0);
	assert_memory_not_equal(one, two, sizeof one);
	for (i = 0; i < sizeof made / sizeof *made; i++)
		unlink(in_dir(made[i]));
	assert_null(pki_open(in_dir("no/ca.pem"), in_dir("no/ca.key"), err, sizeof err));
	assert_non_null(strstr(err, "cannot write"));
}

static void notify_systemd_reaches_its_socket(void **state)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	char got[64] = "";
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	(void)state;
	snprintf(at.sun_path, sizeof at.sun_path, "%s", in_dir("notify"));
	assert_int_equal(bind(fd, (const struct sockaddr *)&at, sizeof at), 0);
	setenv("NOTIFY_SOCKET", at.sun_path, 1);
	notify_systemd("READY=1");
	assert_int_equal(recv(fd, got, sizeof got - 1, MSG_DONTWAIT), 7);
	assert_string_equal(got, "READY=1");
	notify_reloading();
	memset(got, 0, sizeof got);
	assert_true(recv(fd, got, sizeof got - 1, MSG_DONTWAIT) > 0);
	assert_int_equal(strncmp(got, "RELOADING=1\nMONOTONIC_USEC=", 27), 0);
	unsetenv("NOTIFY_SOCKET");
	notify_systemd("READY=1");
	assert_int_equal(recv(fd, got, sizeof got, MSG_DONTWAIT), -1);
	close(fd);
	unlink(at.sun_path);
}

static void sockets_open_port_in_use_is_refused(void **state)
{
	struct conf *c = conf_new();
	struct sockets a, b;
	char err[256];

	(void)state;
	c->workers = 2;
	c->listen_port = c->admin_port = 0;
	assert_int_equal(sockets_open(&a, c, err, sizeof err), 0);
	assert_int_equal(a.n, 2);
	assert_true(a.port > 0 && a.admin_port > 0);
	c->listen_port = a.port; /* SO_REUSEPORT alone would let it in */
	assert_int_equal(sockets_open(&b, c, err, sizeof err), TG_EIO);
	assert_non_null(strstr(err, "is in use"));
	sockets_close_but(&a, -1);
	assert_int_equal(sockets_open(&b, c, err, sizeof err), 0);
	assert_int_equal(b.port, c->listen_port);
	sockets_close_but(&b, -1);
	conf_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(supervise_pause_ms_doubles_up_to_its_bound),
		cmocka_unit_test(supervise_ended_child_is_restarted_after_its_pause),
		cmocka_unit_test(supervise_watch_kills_who_does_not_beat),
		cmocka_unit_test(redis_embed_config_is_volatile_and_never_evicts),
		cmocka_unit_test(memory_available_is_at_most_the_machines),
		cmocka_unit_test(run_dir_in_use_is_refused_and_a_dead_masters_is_taken_over),
		cmocka_unit_test(run_dir_of_a_killed_master_is_removed_by_the_janitor),
		cmocka_unit_test(run_dir_fresh_ones_differ),
		cmocka_unit_test(ready_text_names_what_is_missing),
		cmocka_unit_test(pki_issue_certificates_verify_strictly),
		cmocka_unit_test(notify_systemd_reaches_its_socket),
		cmocka_unit_test(sockets_open_port_in_use_is_refused),
	};

	log_init(STDERR_FILENO, LOG_L_ERROR, "test");
	return cmocka_run_group_tests(tests, setup, teardown);
}
