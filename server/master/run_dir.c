/*
 * run_dir.c: see run_dir.h. The folder holds a socket and a lock and nothing else: Redis persists
 * nothing. Runs in the master. The janitor is a fork of it, which closes everything but the pipe.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <timeglas/errors.h>

#include "conf/conf.h"
#include "master/process.h"
#include "master/run_dir.h"

#define LOCK_NAME "lock"

static pid_t janitor_pid;

static int make_fresh(struct run_dir *d, char *err, size_t cap)
{
	const char *bases[] = {getenv("RUNTIME_DIRECTORY"), getenv("XDG_RUNTIME_DIR"), "/tmp"};
	size_t i;
	int n;

	for (i = 0; i < sizeof bases / sizeof *bases; i++) {
		if (bases[i] == NULL || bases[i][0] != '/')
			continue;
		n = snprintf(d->path, sizeof d->path, "%s/timeglas-XXXXXX", bases[i]);
		if (n + 1 + (int)sizeof CONF_SOCKET_NAME >
			(int)sizeof(((struct sockaddr_un *)NULL)->sun_path))
			continue;
		if (mkdtemp(d->path) != NULL)
			return 0;
	}
	snprintf(err, cap,
		"cannot make a folder for the store's socket (%s); set run_dir in [store]",
		strerror(errno));
	return TG_EIO;
}

static int make_wanted(struct run_dir *d, const char *wanted, char *err, size_t cap)
{
	struct stat st;

	snprintf(d->path, sizeof d->path, "%s", wanted);
	if (mkdir(d->path, 0700) != 0 && errno != EEXIST) {
		snprintf(err, cap, "cannot make %s: %s", wanted, strerror(errno));
		return TG_EIO;
	}
	if (lstat(d->path, &st) != 0 || !S_ISDIR(st.st_mode) ||
		(st.st_uid != geteuid() && geteuid() != 0)) {
		snprintf(err, cap, "%s is not a folder of ours; choose another run_dir", wanted);
		return TG_EINVAL;
	}
	return 0;
}

/* The kernel unlocks the file when the last process that has it open dies. */
static int lock(struct run_dir *d, char *err, size_t cap)
{
	char path[160];

	snprintf(path, sizeof path, "%s/" LOCK_NAME, d->path);
	d->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (d->lock_fd < 0) {
		snprintf(err, cap, "cannot lock %s: %s", d->path, strerror(errno));
		return TG_EIO;
	}
	if (flock(d->lock_fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	snprintf(err, cap, "another timeglasd uses %s; stop it or choose another run_dir", d->path);
	close(d->lock_fd);
	d->lock_fd = -1;
	return TG_EINVAL;
}

int run_dir_open(
	struct run_dir *d, const char *wanted, uid_t owner, gid_t group, char *err, size_t cap)
{
	int code;

	d->lock_fd = d->janitor_fd = -1;
	code = wanted != NULL ? make_wanted(d, wanted, err, cap) : make_fresh(d, err, cap);
	if (code == 0)
		code = lock(d, err, cap);
	if (code != 0)
		return code;
	snprintf(d->socket, sizeof d->socket, "%.100s/" CONF_SOCKET_NAME, d->path);
	unlink(d->socket); /* left by a master that is dead, for the lock is ours */
	if (chmod(d->path, 0700) != 0 ||
		(owner != (uid_t)-1 &&
			(chown(d->path, owner, group) != 0 ||
				fchown(d->lock_fd, owner, group) != 0))) {
		snprintf(err, cap, "cannot give %s away: %s", d->path, strerror(errno));
		return TG_EIO;
	}
	return 0;
}

static void remove_all(const struct run_dir *d)
{
	char path[160];

	unlink(d->socket);
	snprintf(path, sizeof path, "%s/" LOCK_NAME, d->path);
	unlink(path);
	rmdir(d->path);
}

/* Runs in a session of its own: a signal to the terminal's process group must not end it before the
 * master. */
static void janitor(const struct run_dir *d, int fd)
{
	char c;
	ssize_t n;
	int null_fd = open("/dev/null", O_RDWR);

	setsid();
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	process_title("tidy");
	if (null_fd < 0 || dup2(null_fd, 0) < 0 || dup2(null_fd, 1) < 0 || dup2(null_fd, 2) < 0)
		_exit(1);
	if (fd != 3 && dup2(fd, 3) < 0)
		_exit(1);
	if (chdir("/") != 0 || close_range(4, ~0u, 0) != 0)
		_exit(1);
	do
		n = read(3, &c, 1);
	while (n < 0 && errno == EINTR);
	remove_all(d);
	_exit(0);
}

int run_dir_guard(struct run_dir *d, void (*forget)(void *ctx), void *ctx)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) != 0)
		return TG_EIO;
	janitor_pid = fork();
	if (janitor_pid == 0) {
		forget(ctx);
		janitor(d, fds[0]);
	}
	close(fds[0]);
	if (janitor_pid < 0) {
		close(fds[1]);
		return TG_EIO;
	}
	d->janitor_fd = fds[1];
	return 0;
}

void run_dir_forget(struct run_dir *d)
{
	if (d->lock_fd >= 0)
		close(d->lock_fd);
	if (d->janitor_fd >= 0)
		close(d->janitor_fd);
	d->lock_fd = d->janitor_fd = -1;
}

void run_dir_close(struct run_dir *d)
{
	remove_all(d);
	run_dir_forget(d);
	if (janitor_pid > 0)
		waitpid(janitor_pid, NULL, 0);
	janitor_pid = 0;
}
