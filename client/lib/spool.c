/*
 * spool.c: output that is released whole or not at all. It holds nothing in memory, and gives a
 * file its name only when the caller says that its content is good. A temporary name exists only
 * while all signals are blocked. Runs in the library.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <timeglas/errors.h>
#include <unistd.h>
#include "lib/spool.h"
#include "core/fd.h"

#define COPY_BYTES 65536
#define SEND_BYTES (1u << 30)
#define NAME_TRIES 100
#define PROC_FD_CHARS 32
#define TEMP_FORM "%s/.timeglas.XXXXXX"

struct tg_spool {
	int fd;
	bool through; /* fd is the caller's, and what is written there cannot be taken back */
	/* The file was made with O_TMPFILE and can get a name. Otherwise its name was removed, and
	 * only a copy of the file can get one. */
	bool linkable;
	uint64_t size;
	char *target; /* NULL: none */
	char *dir;
};

static bool no_tmpfile;

void tg_spool_without_tmpfile(bool without)
{
	no_tmpfile = without;
}

/* No signal ends the process between this and let_signals(), so that a temporary name never stays
 * behind. */
static void hold_signals(sigset_t *before)
{
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, before);
}

static void let_signals(const sigset_t *before)
{
	int saved = errno;

	pthread_sigmask(SIG_SETMASK, before, NULL);
	errno = saved;
}

/* A file with a temporary name in the spool's folder, which the caller frees. Returns its
 * descriptor, or -1 (errno). */
static int open_named(const struct tg_spool *s, char **name)
{
	int fd;

	if (asprintf(name, TEMP_FORM, s->dir) < 0) {
		*name = NULL;
		errno = ENOMEM;
		return -1;
	}
	fd = mkostemp(*name, O_CLOEXEC);
	if (fd < 0) {
		free(*name);
		*name = NULL;
	}
	return fd;
}

static int open_unlinked(struct tg_spool *s)
{
	char *name = NULL;
	sigset_t before;
	int err = 0;

	hold_signals(&before);
	s->fd = open_named(s, &name);
	if (s->fd < 0 || unlink(name) != 0)
		err = TG_EIO;
	let_signals(&before);
	free(name);
	return err;
}

static int open_nameless(struct tg_spool *s)
{
	s->fd = no_tmpfile ? -1 : open(s->dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	s->linkable = s->fd >= 0;
	if (s->linkable)
		return 0;
	if (!no_tmpfile && errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL)
		return TG_EIO;
	return open_unlinked(s);
}

static char *dir_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (slash == NULL)
		return strdup(".");
	return slash == path ? strdup("/") : strndup(path, (size_t)(slash - path));
}

static char *temp_dir(void)
{
	const char *dir = getenv("TMPDIR");

	return strdup(dir != NULL && dir[0] != '\0' ? dir : "/tmp");
}

bool tg_spool_is_stream(const char *target)
{
	struct stat st;

	return target == NULL || strcmp(target, "-") == 0 ||
		(stat(target, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode));
}

static int check_target(const char *target)
{
	struct stat st;

	if (target == NULL || stat(target, &st) != 0 || S_ISREG(st.st_mode))
		return 0;
	errno = EISDIR;
	return TG_EIO;
}

int tg_spool_new(const char *target, struct tg_spool **out)
{
	struct tg_spool *s;
	int err = check_target(target);

	*out = NULL;
	if (err != 0)
		return err;
	s = calloc(1, sizeof *s);
	if (s == NULL)
		return TG_ENOMEM;
	s->fd = -1;
	s->target = target != NULL ? strdup(target) : NULL;
	s->dir = target != NULL ? dir_of(target) : temp_dir();
	err = s->dir != NULL && (target == NULL || s->target != NULL) ? open_nameless(s) :
									TG_ENOMEM;
	if (err == 0)
		*out = s;
	else
		tg_spool_free(s);
	return err;
}

int tg_spool_through(int fd, struct tg_spool **out)
{
	*out = calloc(1, sizeof **out);
	if (*out == NULL)
		return TG_ENOMEM;
	(*out)->fd = fd;
	(*out)->through = true;
	return 0;
}

int tg_spool_write(void *ctx, const void *p, size_t n)
{
	struct tg_spool *s = ctx;

	if (tg_write_all(s->fd, p, n) != 0)
		return TG_EIO;
	s->size += n;
	return 0;
}

int tg_spool_fd(const struct tg_spool *s)
{
	return s->fd;
}

uint64_t tg_spool_size(const struct tg_spool *s)
{
	return s->size;
}

int tg_spool_rewind(struct tg_spool *s)
{
	return lseek(s->fd, 0, SEEK_SET) == 0 ? 0 : TG_EIO;
}

/* Names -------------------------------------------------------------------- */

static int copy_by_hand(int from, int to)
{
	unsigned char buf[COPY_BYTES];
	ssize_t n;
	int err = 0;

	while (err == 0 && (n = read(from, buf, sizeof buf)) != 0)
		if (n > 0)
			err = tg_write_all(to, buf, (size_t)n);
		else if (errno != EINTR)
			err = TG_EIO;
	sodium_memzero(buf, sizeof buf); /* may have been plaintext */
	return err;
}

/* The kernel copies from its cache, without a buffer of ours, where the file systems allow that. */
static int copy_all(struct tg_spool *s, int to)
{
	int err = tg_spool_rewind(s);
	bool begun = false;
	ssize_t n = 1;

	while (err == 0 && n != 0) {
		n = sendfile(to, s->fd, NULL, SEND_BYTES);
		if (n < 0 && !begun && (errno == EINVAL || errno == ENOSYS))
			return copy_by_hand(s->fd, to);
		if (n < 0 && errno != EINTR)
			err = TG_EIO;
		begun = begun || n > 0;
	}
	return err;
}

/* Gives a file of O_TMPFILE its name, which must not exist yet. It goes by /proc because
 * AT_EMPTY_PATH needs a capability. */
static int link_as(const struct tg_spool *s, const char *path)
{
	char self[PROC_FD_CHARS];

	snprintf(self, sizeof self, "/proc/self/fd/%d", s->fd);
	return linkat(AT_FDCWD, self, AT_FDCWD, path, AT_SYMLINK_FOLLOW) == 0 ? 0 : TG_EIO;
}

static int link_temporarily(struct tg_spool *s, char **name)
{
	int err = TG_EIO;

	for (int i = 0; i < NAME_TRIES; i++) {
		free(*name);
		if (asprintf(name, "%s/.timeglas.%08x", s->dir, (unsigned)randombytes_random()) <
			0) {
			*name = NULL;
			return TG_ENOMEM;
		}
		err = link_as(s, *name);
		if (err == 0 || errno != EEXIST)
			break;
	}
	if (err != 0) {
		free(*name);
		*name = NULL;
	}
	return err;
}

static int copy_temporarily(struct tg_spool *s, char **name)
{
	int fd = open_named(s, name), err = fd >= 0 ? 0 : TG_EIO;

	if (err == 0)
		err = copy_all(s, fd);
	if (err == 0 && fsync(fd) != 0)
		err = TG_EIO;
	if (fd >= 0 && close(fd) != 0)
		err = TG_EIO;
	return err;
}

static int sync_dir(const struct tg_spool *s)
{
	int fd = open(s->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return TG_EIO;
	(void)fsync(
		fd); /* some file systems cannot sync a folder; the name is there all the same */
	close(fd);
	return 0;
}

static void unlink_quietly(char *name)
{
	int saved = errno;

	if (name != NULL)
		unlink(name);
	free(name);
	errno = saved;
}

int tg_spool_commit(struct tg_spool *s)
{
	char *temp = NULL;
	sigset_t before;
	int err;

	if (s->through)
		return 0;
	if (s->target == NULL || fsync(s->fd) != 0)
		return TG_EIO;
	hold_signals(&before);
	err = s->linkable ? link_temporarily(s, &temp) : copy_temporarily(s, &temp);
	if (err == 0 && rename(temp, s->target) != 0)
		err = TG_EIO;
	if (err != 0) {
		unlink_quietly(temp);
		temp = NULL;
	}
	let_signals(&before);
	free(temp);
	return err == 0 ? sync_dir(s) : err;
}

/* link() overwrites nothing: where the name is taken, this fails with EEXIST. */
static int link_to(struct tg_spool *s, const char *copy, const char *name)
{
	if (s->linkable)
		return link_as(s, name);
	return link(copy, name) == 0 ? 0 : TG_EIO;
}

/* Gives the first free name of target, target.1, target.2, … */
static int link_to_free_name(struct tg_spool *s, const char *copy, char *name, size_t cap,
	tg_spool_named_fn *before, void *ctx)
{
	struct stat st;

	if ((s->linkable ? fstat(s->fd, &st) : lstat(copy, &st)) != 0)
		return TG_EIO;
	for (int i = 0; i < NAME_TRIES; i++) {
		snprintf(name, cap, i == 0 ? "%s" : "%s.%d", s->target, i);
		if (access(name, F_OK) == 0)
			continue;
		before(ctx, &st, name);
		if (link_to(s, copy, name) == 0)
			return 0;
		if (errno != EEXIST)
			break;
	}
	return TG_EIO;
}

int tg_spool_keep(struct tg_spool *s, char *name, size_t cap, tg_spool_named_fn *before, void *ctx)
{
	char *copy = NULL;
	sigset_t mask;
	int err;

	if (s->through || s->target == NULL || fsync(s->fd) != 0)
		return TG_EIO;
	hold_signals(&mask);
	err = s->linkable ? 0 : copy_temporarily(s, &copy);
	if (err == 0)
		err = link_to_free_name(s, copy, name, cap, before, ctx);
	unlink_quietly(copy);
	let_signals(&mask);
	return err == 0 ? sync_dir(s) : err;
}

void tg_spool_free(struct tg_spool *s)
{
	int saved = errno;

	if (s == NULL)
		return;
	if (s->fd >= 0 && !s->through)
		close(s->fd);
	free(s->target);
	free(s->dir);
	free(s);
	errno = saved;
}
