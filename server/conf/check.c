/*
 * check.c: see check.h. It does not check whether the files hold what they should (pem.c does).
 * Runs where a configuration is read.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <libgen.h>
#include <netinet/in.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <timeglas/errors.h>

#include "base/client_cert.h"
#include "base/file.h"
#include "conf/check.h"
#include "conf/pem.h"
#include "core/policy.h"

struct checker {
	check_found *found;
	void *ctx;
};

static void say(const struct checker *k, const char *key, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static void say(const struct checker *k, const char *key, const char *fmt, ...)
{
	char why[CHECK_WHY];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof why, fmt, ap);
	va_end(ap);
	k->found(k->ctx, key, why);
}

/* Addresses ---------------------------------------------------------------- */

struct address {
	union {
		struct sockaddr sa;
		struct sockaddr_in four;
		struct sockaddr_in6 six;
	} at;
	socklen_t len;
	bool any; /* 0.0.0.0 or :: */
};

static struct address address_of(const char *host)
{
	struct address a = {.at.sa.sa_family = AF_INET};

	if (inet_pton(AF_INET, host, &a.at.four.sin_addr) == 1) {
		a.len = sizeof a.at.four;
		a.any = a.at.four.sin_addr.s_addr == INADDR_ANY;
		return a;
	}
	a.at.sa.sa_family = AF_INET6;
	if (inet_pton(AF_INET6, host, &a.at.six.sin6_addr) == 1)
		a.len = sizeof a.at.six;
	a.any = IN6_IS_ADDR_UNSPECIFIED(&a.at.six.sin6_addr);
	return a;
}

/* Binds to a port that the kernel chooses. At a reload the port of the configuration is taken, by
 * this very server. */
static void check_address(const struct checker *k, const char *key, const char *host)
{
	struct address a = address_of(host);
	int fd = a.len > 0 ? socket(a.at.sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0) : -1;

	if (fd < 0)
		return;
	if (bind(fd, &a.at.sa, a.len) != 0)
		say(k, key, "%s cannot be listened at (%s); give an address of this machine", host,
			strerror(errno));
	close(fd);
}

static void check_addresses(const struct checker *k, const struct conf *c)
{
	bool same = strcmp(c->listen_host, c->admin_host) == 0 || address_of(c->listen_host).any;

	check_address(k, "server.listen", c->listen_host);
	check_address(k, "server.admin", c->admin_host);
	if (same && c->listen_port != 0 && c->listen_port == c->admin_port)
		say(k, "server.admin",
			"admin and listen both take port %u of %s; give admin a port of its own",
			(unsigned)c->admin_port, c->admin_host);
}

/* Folders and programs ----------------------------------------------------- */

/* Asks the kernel, in a child that has become the user: groups, access lists and read-only mounts
 * count, too. true also when it cannot be asked. */
static bool user_may(const char *user, const char *path, int mode)
{
	const struct passwd *p = user != NULL && geteuid() == 0 ? getpwnam(user) : NULL;
	int status = 0;
	pid_t pid;

	if (p == NULL)
		return faccessat(AT_FDCWD, path, mode, AT_EACCESS) == 0;
	pid = fork();
	if (pid == 0) {
		if (initgroups(user, p->pw_gid) != 0 ||
			setresgid(p->pw_gid, p->pw_gid, p->pw_gid) != 0 ||
			setresuid(p->pw_uid, p->pw_uid, p->pw_uid) != 0)
			_exit(2);
		_exit(access(path, mode) == 0 ? 0 : 1);
	}
	return pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status) ||
		WEXITSTATUS(status) != 1;
}

/* A log may also go to a FIFO, a terminal or /dev/stderr. */
static bool takes_lines(mode_t mode)
{
	return S_ISFIFO(mode) || S_ISCHR(mode);
}

/* The server may be started by root, who can read every file. A reload reads them as the server's
 * user. */
static void check_readable(
	const struct checker *k, const struct conf *c, const char *key, const char *file)
{
	if (file != NULL && access(file, R_OK) == 0 && !user_may(c->user, file, R_OK))
		say(k, key,
			"%s may not read %s, so no reload could; change its owner or mode, or that "
			"of its folders",
			c->user != NULL ? c->user : "this user", file);
}

/* file: will be made or written, so its folder must be there. */
static void check_folder(
	const struct checker *k, const struct conf *c, const char *key, const char *file)
{
	char *copy = file != NULL ? strdup(file) : NULL;
	const char *dir = copy != NULL ? dirname(copy) : NULL;
	struct stat st;

	if (dir == NULL)
		return;
	if (stat(dir, &st) != 0)
		say(k, key, "there is no folder %s (%s); make it", dir, strerror(errno));
	else if (!S_ISDIR(st.st_mode))
		say(k, key, "%s is not a folder; give another path", dir);
	else if (!user_may(c->user, dir, W_OK | X_OK))
		say(k, key, "%s may not make files in %s; change its owner or mode",
			c->user != NULL ? c->user : "this user", dir);
	else if (stat(file, &st) == 0 && !S_ISREG(st.st_mode) &&
		!(takes_lines(st.st_mode) && strcmp(key, "server.log") == 0))
		say(k, key, "%s is not a file; give another path", file);
	else if (stat(file, &st) == 0 && !user_may(c->user, file, W_OK))
		say(k, key, "%s may not write %s; change its owner or mode",
			c->user != NULL ? c->user : "this user", file);
	free(copy);
}

/* Reports a file that is written and is another setting's file, too: a log would destroy a key. */
static void check_apart(const struct checker *k, const struct conf *c)
{
	const struct {
		const char *key, *path;
		bool written;
	} file[] = {
		{"server.log", c->log_file, true},
		{"server.audit_log", c->audit_log, true},
		{"server.audit_key", c->audit_key, true},
		{"server.certificate", c->certificate, false},
		{"server.key", c->key, false},
		{"server.client_ca", c->client_ca, false},
	};
	const size_t n = sizeof file / sizeof *file;
	struct stat one, other;

	for (size_t i = 0; i < n; i++) {
		for (size_t j = i + 1; j < n && file[i].path != NULL; j++) {
			if (!file[i].written || file[j].path == NULL)
				continue;
			if (strcmp(file[i].path, file[j].path) == 0 ||
				(stat(file[i].path, &one) == 0 && stat(file[j].path, &other) == 0 &&
					one.st_dev == other.st_dev && one.st_ino == other.st_ino))
				say(k, file[i].key,
					"%s and %s are the same file, %s; give each its own",
					file[i].key + strlen("server."),
					file[j].key + strlen("server."), file[i].path);
		}
	}
}

static bool program_in(const char *dir, size_t n, const char *name)
{
	char path[4096];
	struct stat st;

	return snprintf(path, sizeof path, "%.*s%s%s", (int)n, dir, n > 0 ? "/" : "", name) <
		(int)sizeof path &&
		access(path, X_OK) == 0 && stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

static void check_program(const struct checker *k, const char *key, const char *name)
{
	const char *dirs = getenv("PATH");

	if (strchr(name, '/') != NULL) {
		if (!program_in("", 0, name))
			say(k, key, "%s cannot be run; install it or correct the path", name);
		return;
	}
	for (; dirs != NULL && *dirs != '\0'; dirs += strcspn(dirs, ":"), dirs += *dirs == ':')
		if (program_in(dirs, strcspn(dirs, ":"), name))
			return;
	say(k, key, "no program %s in PATH; install Redis, or name it with redis_server =", name);
}

static void check_limits(const struct checker *k, const struct conf *c)
{
	struct rlimit files;
	rlim_t want = (rlim_t)c->max_connections + c->max_unknown + CONF_SPARE_DESCRIPTORS;

	if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_max != RLIM_INFINITY &&
		files.rlim_max < want && geteuid() != 0)
		say(k, "limits.max_connections",
			"%u connections of peers, and those of others, need %llu descriptors and "
			"this process may have %llu; raise LimitNOFILE or lower max_connections",
			c->max_connections, (unsigned long long)want,
			(unsigned long long)files.rlim_max);
}

static void check_urls(const struct checker *k, const struct conf *c, const struct policy *p)
{
	for (unsigned i = 0; i < p->n_witnesses; i++) {
		const struct policy_witness *w = &p->witness[i];
		const bool tls = strncmp(w->url, "https://", 8) == 0;

		if (!tls && strncmp(w->url, "http://", 7) != 0)
			say(k, "server.witnesses",
				"%s: witness %s: '%s' is no URL; write http://HOST:PORT or "
				"https://HOST",
				c->witnesses, w->name, w->url);
		else if (tls && c->witness_ca == NULL)
			say(k, "server.witnesses",
				"%s: witness %s has https; name its authority with witness_ca",
				c->witnesses, w->name);
	}
}

static void check_witness_ca(const struct checker *k, const struct conf *c)
{
	STACK_OF(X509) *all = NULL;
	char why[CHECK_WHY];

	if (c->witness_ca != NULL && pem_chain(c->witness_ca, &all, why, sizeof why) != 0)
		say(k, "server.witness_ca", "%s", why);
	sk_X509_pop_free(all, X509_free);
}

/* The file is a policy, which the courier can use. */
static void check_witnesses(const struct checker *k, const struct conf *c)
{
	struct policy *p = c->witnesses != NULL ? malloc(sizeof *p) : NULL;
	struct sha256 *sha = p != NULL ? sha256_new() : NULL;
	struct file_bytes f = {0};
	char why[CHECK_WHY];
	const char *what = "";
	unsigned line = 0;

	if (sha != NULL && file_read(c->witnesses, POLICY_FILE_MAX, &f, why, sizeof why) != 0)
		say(k, "server.witnesses", "%s", why);
	else if (sha != NULL && policy_scan(sha, (const char *)f.b, f.n, p, &line, &what) != 0)
		say(k, "server.witnesses", "%s:%u: %s", c->witnesses, line, what);
	else if (sha != NULL)
		check_urls(k, c, p);
	file_free(&f);
	sha256_free(sha);
	free(p);
}

void check_machine(const struct conf *c, check_found *found, void *ctx)
{
	const struct checker k = {found, ctx};

	check_addresses(&k, c);
	check_readable(&k, c, "server.certificate", c->certificate);
	check_readable(&k, c, "server.key", c->key);
	check_readable(&k, c, "server.client_ca", c->client_ca);
	check_readable(&k, c, "server.witnesses", c->witnesses);
	check_readable(&k, c, "server.witness_ca", c->witness_ca);
	check_witnesses(&k, c);
	check_witness_ca(&k, c);
	check_folder(&k, c, "server.log", c->log_file);
	check_folder(&k, c, "server.audit_log", c->audit_log);
	check_folder(&k, c, "server.audit_key", c->audit_key);
	check_apart(&k, c);
	if (c->store_url == NULL) {
		check_program(&k, "store.redis_server", c->redis_server);
		check_folder(&k, c, "store.run_dir", c->run_dir);
	}
	check_limits(&k, c);
}

/* Peers -------------------------------------------------------------------- */

static const char *advice(int error)
{
	switch (error) {
	case X509_V_ERR_CERT_HAS_EXPIRED:
		return "renew the certificate";
	case X509_V_ERR_CERT_NOT_YET_VALID:
		return "check the clock, or the certificate";
	case X509_V_ERR_INVALID_PURPOSE:
		return "issue it with extendedKeyUsage = clientAuth";
	default:
		return "add the authority that issued it to client_ca, or have it issued by one "
		       "that stands there";
	}
}

static void check_peer(const struct checker *k, X509_STORE *roots, const struct check_peer *p)
{
	char key[CONF_NAME_MAX + sizeof "peer .certificate"], why[CHECK_WHY];
	X509_STORE_CTX *v = X509_STORE_CTX_new();
	STACK_OF(X509) *chain = NULL;
	const char *fault;

	snprintf(key, sizeof key, "peer %s.certificate", p->name);
	if (v == NULL || pem_chain(p->certificate, &chain, why, sizeof why) != 0 ||
		X509_STORE_CTX_init(v, roots, sk_X509_value(chain, 0), chain) != 1 ||
		X509_STORE_CTX_set_default(v, "ssl_client") != 1)
		say(k, key, "the certificate of '%s' cannot be checked", p->name);
	else if (X509_verify_cert(v) != 1)
		say(k, key, "'%s' will not be let in with %s: %s; %s", p->name, p->certificate,
			X509_verify_cert_error_string(X509_STORE_CTX_get_error(v)),
			advice(X509_STORE_CTX_get_error(v)));
	else if ((fault = client_cert_fault(sk_X509_value(chain, 0))) != NULL)
		say(k, key,
			"'%s' will not be let in with %s: %s; issue one with extendedKeyUsage = "
			"clientAuth",
			p->name, p->certificate, fault);
	X509_STORE_CTX_free(v);
	sk_X509_pop_free(chain, X509_free);
	ERR_clear_error();
}

/* A chain must end at a certificate that signed itself. Without one nobody is let in. */
static bool has_root(const STACK_OF(X509) * all)
{
	for (int i = 0; i < sk_X509_num(all); i++) {
		X509 *x = sk_X509_value(all, i);

		if (X509_NAME_cmp(X509_get_subject_name(x), X509_get_issuer_name(x)) == 0)
			return true;
	}
	return false;
}

void check_peers(const char *client_ca, const struct check_peer *peer, size_t n, check_found *found,
	void *ctx)
{
	const struct checker k = {found, ctx};
	X509_STORE *roots = X509_STORE_new();
	STACK_OF(X509) *all = NULL;
	char why[CHECK_WHY];
	size_t i;

	if (roots == NULL || pem_chain(client_ca, &all, why, sizeof why) != 0)
		goto out; /* conf_load.c reports it */
	if (!has_root(all)) {
		say(&k, "server.client_ca",
			"%s holds no root: nobody would be let in; add the certificate of the "
			"authority that issued this one",
			client_ca);
		goto out;
	}
	for (int at = 0; at < sk_X509_num(all); at++)
		X509_STORE_add_cert(roots, sk_X509_value(all, at));
	for (i = 0; i < n; i++)
		if (peer[i].certificate != NULL)
			check_peer(&k, roots, &peer[i]);
out:
	sk_X509_pop_free(all, X509_free);
	X509_STORE_free(roots);
	ERR_clear_error();
}
