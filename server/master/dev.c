/*
 * dev.c: see dev.h. It is no way to run a service: all keys lie in one folder. It makes the keys of
 * the certificates; it never reads the age identity and the signing key, which the command timeglas
 * makes in a process of its own. Runs in the master, before its children are started.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <timeglas/errors.h>

#include "base/log.h"
#include "conf/pem.h"
#include "master/dev.h"
#include "master/pki.h"

#define KEY_TEXT 160
#define URL_HOST "%s%s%s" /* "[", host and "]", or the host between two empty strings */

struct dev {
	char dir[PATH_MAX];
	char recipient[KEY_TEXT], sender[KEY_TEXT];
	int lock_fd;
};

static const struct {
	const char *name;
	unsigned roles;
} people[] = {
	{"uploader", ROLE_UPLOADER},
	{"verifier", ROLE_VERIFIER},
	{"verifier2", ROLE_VERIFIER},
	{"processor", ROLE_PROCESSOR},
	{"operator", ROLE_OPERATOR},
};
#define N_PEOPLE (sizeof people / sizeof *people)

static char *file_in(const struct dev *d, const char *stem, const char *ending, char out[PATH_MAX])
{
	if (snprintf(out, PATH_MAX, "%s/%s%s", d->dir, stem, ending) >= PATH_MAX)
		out[0] = '\0'; /* opening "" fails, and says so */
	return out;
}

static int take_dir(struct dev *d, const char *dir, char *err, size_t cap)
{
	char path[PATH_MAX];

	if (mkdir(dir, 0700) != 0 && errno != EEXIST) {
		snprintf(err, cap, "--dev: cannot make %s: %s", dir, strerror(errno));
		return TG_EIO;
	}
	if (realpath(dir, d->dir) == NULL || chmod(d->dir, 0700) != 0) {
		snprintf(err, cap, "--dev: cannot use %s: %s", dir, strerror(errno));
		return TG_EIO;
	}
	d->lock_fd = open(file_in(d, ".lock", "", path), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (d->lock_fd < 0) {
		snprintf(err, cap, "--dev: cannot lock %s: %s", dir, strerror(errno));
		return TG_EIO;
	}
	if (flock(d->lock_fd, LOCK_EX | LOCK_NB) != 0) {
		snprintf(err, cap,
			"--dev: a timeglasd is running in %s; stop it (its pid stands in %s/env) "
			"or choose another folder",
			dir, dir);
		return TG_EINVAL;
	}
	unlink(file_in(d, "env", "", path));
	return 0;
}

static int make_certificates(struct dev *d, struct conf *c, char *err, size_t cap)
{
	char cert[PATH_MAX], key[PATH_MAX];
	struct pki *p =
		pki_open(file_in(d, "ca", ".pem", cert), file_in(d, "ca", ".key", key), err, cap);
	int code = TG_EIO;
	size_t i;

	if (p == NULL)
		return code;
	code = pki_issue(p, "server", PKI_SERVER, file_in(d, "server", ".pem", cert),
		file_in(d, "server", ".key", key), err, cap);
	for (i = 0; i < N_PEOPLE && code == 0; i++) {
		struct conf_peer *peer = &c->peer[c->n_peers++];

		snprintf(peer->name, sizeof peer->name, "%s", people[i].name);
		peer->roles = people[i].roles;
		code = pki_issue(p, people[i].name, PKI_CLIENT,
			file_in(d, people[i].name, ".pem", cert),
			file_in(d, people[i].name, ".key", key), err, cap);
		if (code == 0)
			code = pem_spki(cert, peer->spki, err, cap);
	}
	pki_free(p);
	snprintf(c->peer[0].to[0], sizeof c->peer[0].to[0], "verifier");
	snprintf(c->peer[0].to[1], sizeof c->peer[0].to[1], "verifier2");
	c->peer[0].n_to = 2;
	return code;
}

/* Copies the word of text that starts with prefix. */
static int find_word(const char *text, const char *prefix, char out[KEY_TEXT])
{
	const char *at = strstr(text, prefix);
	size_t n;

	if (at == NULL || (n = strcspn(at, " \t\r\n")) >= KEY_TEXT)
		return TG_EKEY;
	memcpy(out, at, n);
	out[n] = '\0';
	return 0;
}

static int beside_us(const char *name, char out[PATH_MAX])
{
	ssize_t n = readlink("/proc/self/exe", out, PATH_MAX - 1);
	char *slash;

	if (n <= 0)
		return TG_EIO;
	out[n] = '\0';
	slash = strrchr(out, '/');
	if (slash == NULL || (size_t)(slash + 1 - out) + strlen(name) + 1 > PATH_MAX)
		return TG_EIO;
	strcpy(slash + 1, name);
	return access(out, X_OK) == 0 ? 0 : TG_EIO;
}

/* Runs timeglas keygen -o path, with one more option or NULL. The command writes the secret into
 * the file and prints its public half, which out receives: a word that starts with prefix. */
static int keygen(const char *option, const char *path, const char *prefix, char out[KEY_TEXT],
	char *err, size_t cap)
{
	char program[PATH_MAX], text[1024] = "";
	const char *argv[] = {"timeglas", "keygen", "-o", path, option, NULL};
	int fds[2], status = -1;
	size_t n = 0;
	ssize_t got;
	pid_t pid;

	if (beside_us("timeglas", program) != 0) {
		snprintf(err, cap,
			"--dev: no timeglas beside this program (%s); build both with make",
			program);
		return TG_EIO;
	}
	unlink(path);
	if (pipe2(fds, O_CLOEXEC) != 0 || (pid = fork()) < 0) {
		snprintf(err, cap, "--dev: cannot run %s: %s", program, strerror(errno));
		return TG_EIO;
	}
	if (pid == 0) {
		sigset_t none;

		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		if (dup2(fds[1], STDOUT_FILENO) >= 0)
			execv(program, (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	close(fds[1]);
	while (n < sizeof text - 1 && (got = read(fds[0], text + n, sizeof text - 1 - n)) > 0)
		n += (size_t)got;
	text[n] = '\0';
	close(fds[0]);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0 && find_word(text, prefix, out) == 0)
		return 0;
	snprintf(err, cap, "--dev: %s keygen%s%s failed (status %d)", program,
		option != NULL ? " " : "", option != NULL ? option : "",
		WIFEXITED(status) ? WEXITSTATUS(status) : -1);
	return TG_EIO;
}

static int set_file(char **field, const struct dev *d, const char *stem, const char *ending)
{
	char path[PATH_MAX];

	free(*field);
	*field = strdup(file_in(d, stem, ending, path));
	return *field != NULL ? 0 : TG_ENOMEM;
}

static int point_at(const struct dev *d, struct conf *c)
{
	c->listen_port = c->admin_port = 0;
	c->drain_s = 0;
	c->store_open_socket = true;
	return set_file(&c->certificate, d, "server", ".pem") |
		set_file(&c->key, d, "server", ".key") | set_file(&c->client_ca, d, "ca", ".pem") |
		set_file(&c->log_file, d, "timeglasd", ".log") |
		set_file(&c->audit_log, d, "audit", ".log") |
		set_file(&c->audit_key, d, "audit", ".key");
}

struct dev *dev_open(const char *dir, struct conf *c, char *err, size_t cap)
{
	struct dev *d = calloc(1, sizeof *d);
	char path[PATH_MAX];

	if (d == NULL) {
		snprintf(err, cap, "--dev: out of memory");
		return NULL;
	}
	d->lock_fd = -1;
	if (take_dir(d, dir, err, cap) != 0 || make_certificates(d, c, err, cap) != 0 ||
		keygen(NULL, file_in(d, "identity", "", path), "age1", d->recipient, err, cap) !=
			0 ||
		keygen("--sign", file_in(d, "signing", ".key", path), "timeglas-sender1", d->sender,
			err, cap) != 0) {
		dev_close(d);
		return NULL;
	}
	if (point_at(d, c) != 0) {
		snprintf(err, cap, "--dev: out of memory");
		dev_close(d);
		return NULL;
	}
	return d;
}

void dev_forget(struct dev *d)
{
	if (d != NULL && d->lock_fd >= 0) {
		close(d->lock_fd);
		d->lock_fd = -1;
	}
}

void dev_close(struct dev *d)
{
	if (d == NULL)
		return;
	dev_forget(d);
	free(d);
}

/* Writes export NAME='value'. A quote in the value is written as: end of quoting, escaped quote,
 * quoting again. */
static void export(FILE *f, const char *name, const char *value)
{
	fprintf(f, "export %s='", name);
	for (; *value != '\0'; value++) {
		if (*value == '\'')
			fputs("'\\''", f);
		else
			fputc(*value, f);
	}
	fputs("'\n", f);
}

static void export_file(
	FILE *f, const struct dev *d, const char *name, const char *stem, const char *ending)
{
	char path[PATH_MAX];

	export(f, name, file_in(d, stem, ending, path));
}

static void export_person(FILE *f, const struct dev *d, const char *person)
{
	char name[64];
	size_t i, n;

	n = (size_t)snprintf(name, sizeof name, "TIMEGLAS_%s_CERT", person);
	for (i = 0; i < n; i++)
		if (name[i] >= 'a' && name[i] <= 'z')
			name[i] = (char)(name[i] - 'a' + 'A');
	export_file(f, d, name, person, ".pem");
	strcpy(name + n - 4, "KEY");
	export_file(f, d, name, person, ".key");
}

static void export_url(
	FILE *f, const char *name, const char *scheme, const char *host, unsigned port)
{
	char url[128];
	int six = strchr(host, ':') != NULL;

	snprintf(url, sizeof url, "%s://" URL_HOST ":%u", scheme, six ? "[" : "", host,
		six ? "]" : "", port);
	export(f, name, url);
}

static void write_env(FILE *f, const struct dev *d, const struct dev_ready *r)
{
	char number[24];
	size_t i;

	export_url(f, "TIMEGLAS_URL", "https", r->host, r->port);
	export_url(f, "TIMEGLAS_ADMIN_URL", "http", r->admin_host, r->admin_port);
	export_file(f, d, "TIMEGLAS_CA", "ca", ".pem");
	for (i = 0; i < N_PEOPLE; i++)
		export_person(f, d, people[i].name);
	export(f, "TIMEGLAS_RECIPIENT", d->recipient);
	export_file(f, d, "TIMEGLAS_IDENTITY", "identity", "");
	export_file(f, d, "TIMEGLAS_SIGNING_KEY", "signing", ".key");
	export(f, "TIMEGLAS_SENDER", d->sender);
	if (r->redis_socket != NULL) {
		export(f, "TIMEGLAS_REDIS_SOCKET", r->redis_socket);
		snprintf(number, sizeof number, "%ld", (long)r->redis_pid);
		export(f, "TIMEGLAS_REDIS_PID", number);
	}
	snprintf(number, sizeof number, "%ld", (long)getpid());
	export(f, "TIMEGLAS_PID", number);
	export_file(f, d, "TIMEGLAS_AUDIT_LOG", "audit", ".log");
	export_file(f, d, "TIMEGLAS_AUDIT_PUB", "audit", ".key.pub");
	/* whose word a proof is: here client and server are one and the same machine */
	export_file(f, d, "TIMEGLAS_LOG_KEY", "audit", ".key.pub");
}

int dev_ready(struct dev *d, const struct dev_ready *r)
{
	char fresh[PATH_MAX], path[PATH_MAX];
	int fd = open(
		file_in(d, "env", ".new", fresh), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	FILE *f = fd >= 0 ? fdopen(fd, "w") : NULL;
	int six = strchr(r->host, ':') != NULL;

	if (f == NULL) {
		log_error("dev", "cannot write %s: %s", fresh, strerror(errno));
		return TG_EIO;
	}
	write_env(f, d, r);
	/* Renamed, so that whoever waits for the file never sees a part of it. */
	if (fclose(f) != 0 || rename(fresh, file_in(d, "env", "", path)) != 0) {
		log_error("dev", "cannot write %s: %s", path, strerror(errno));
		return TG_EIO;
	}
	/* A reader that does not read must not stop the master; the file says the same. */
	if (log_can_write(STDOUT_FILENO))
		dprintf(STDOUT_FILENO, "ready https://" URL_HOST ":%u\n", six ? "[" : "", r->host,
			six ? "]" : "", (unsigned)r->port);
	return 0;
}
