/*
 * spool.c: output that is released whole or not at all. It holds no more than a buffer in memory and never names a file before its
 * content has been checked by the caller; where the file system knows no O_TMPFILE, a 0600 temporary file stands in.
 * Runs in the timeglas command. docs/envelope.md ("nothing is released as good before the trailer has been checked").
 */
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <timeglas/timeglas.h>
#include <unistd.h>
#include "cli/spool.h"

#define COPY_BYTES 65536
#define SEND_BYTES (1u << 30)
#define KEEP_TRIES 100
#define PROC_FD_CHARS 32

struct spool {
	int fd;
	bool through; /* fd is the target itself */
	uint64_t size;
	char *target; /* NULL: stdout or some other stream */
	char *stream; /* a target that is no regular file; NULL: stdout */
	char *dir;
	char *name;   /* the temporary name, where there is no O_TMPFILE; NULL otherwise */
};

static int open_nameless(struct spool *s)
{
	s->fd = open(s->dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (s->fd >= 0)
		return 0;
	if (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL)
		return TG_EIO;
	if (asprintf(&s->name, "%s/.timeglas.XXXXXX", s->dir) < 0) {
		s->name = NULL;
		return TG_ENOMEM;
	}
	s->fd = mkostemp(s->name, O_CLOEXEC);
	if (s->fd >= 0)
		return 0;
	free(s->name);
	s->name = NULL;
	return TG_EIO;
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

/* Sets target for a regular file, or stream for anything else that has a name. */
static int resolve(struct spool *s, const char *target)
{
	struct stat st;
	char *name;

	if (target == NULL || strcmp(target, "-") == 0)
		return 0;
	name = strdup(target);
	if (name == NULL)
		return TG_ENOMEM;
	if (stat(target, &st) != 0 || S_ISREG(st.st_mode)) {
		s->target = name;
		return 0;
	}
	s->stream = name;
	errno = EISDIR;
	return S_ISDIR(st.st_mode) ? TG_EIO : 0;
}

static int open_hidden(struct spool *s)
{
	s->dir = s->target != NULL ? dir_of(s->target) : temp_dir();
	return s->dir != NULL ? open_nameless(s) : TG_ENOMEM;
}

static int open_stream(struct spool *s)
{
	fflush(stdout);
	s->through = true;
	s->fd = s->stream != NULL ? open(s->stream, O_WRONLY | O_CLOEXEC) : STDOUT_FILENO;
	return s->fd >= 0 ? 0 : TG_EIO;
}

static int make(const char *target, bool through, struct spool **out)
{
	struct spool *s = calloc(1, sizeof *s);
	int err;

	*out = NULL;
	if (s == NULL)
		return TG_ENOMEM;
	s->fd = -1;
	err = resolve(s, target);
	if (err == 0)
		err = through && s->target == NULL ? open_stream(s) : open_hidden(s);
	if (err == 0)
		*out = s;
	else
		spool_free(s);
	return err;
}

int spool_new(const char *target, struct spool **out)
{
	return make(target, false, out);
}

int spool_through(const char *target, struct spool **out)
{
	return make(target, true, out);
}

static int write_all(int fd, const unsigned char *p, size_t n)
{
	while (n > 0) {
		ssize_t k = write(fd, p, n);

		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			return TG_EIO;
		p += k;
		n -= (size_t)k;
	}
	return 0;
}

int spool_write(void *ctx, const void *p, size_t n)
{
	struct spool *s = ctx;

	if (write_all(s->fd, p, n) != 0)
		return TG_EIO;
	s->size += n;
	return 0;
}

int spool_fd(const struct spool *s)
{
	return s->fd;
}

uint64_t spool_size(const struct spool *s)
{
	return s->size;
}

int spool_rewind(struct spool *s)
{
	return lseek(s->fd, 0, SEEK_SET) == 0 ? 0 : TG_EIO;
}

int spool_copy(struct spool *s, int (*write_to)(void *ctx, const void *p, size_t n), void *ctx)
{
	unsigned char buf[COPY_BYTES];
	int err = spool_rewind(s);

	while (err == 0) {
		ssize_t n = read(s->fd, buf, sizeof buf);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			err = n < 0 ? TG_EIO : 0;
			break;
		}
		err = write_to(ctx, buf, (size_t)n);
	}
	sodium_memzero(buf, sizeof buf); /* may have been plaintext */
	return err;
}

static int write_to_fd(void *fd, const void *p, size_t n)
{
	return write_all(*(int *)fd, p, n);
}

/* The kernel hands over what it has in its cache. It refuses a few targets, before the first byte: a file that is being appended to, for one. */
static int send_all(struct spool *s, int fd)
{
	int err = spool_rewind(s);
	bool begun = false;
	ssize_t n = 1;

	while (err == 0 && n != 0) {
		n = sendfile(fd, s->fd, NULL, SEND_BYTES);
		if (n < 0 && !begun && (errno == EINVAL || errno == ENOSYS))
			return spool_copy(s, write_to_fd, &fd);
		if (n < 0 && errno != EINTR)
			err = TG_EIO;
		begun = begun || n > 0;
	}
	return err;
}

static int close_stream(struct spool *s, int fd)
{
	return s->stream != NULL && close(fd) != 0 ? TG_EIO : 0;
}

static int copy_out(struct spool *s)
{
	int fd = s->stream != NULL ? open(s->stream, O_WRONLY | O_CLOEXEC) : STDOUT_FILENO;
	int err, closed;

	if (fd < 0)
		return TG_EIO;
	fflush(stdout);
	err = send_all(s, fd);
	closed = close_stream(s, fd);
	return err != 0 ? err : closed;
}

/* Gives the spool's inode one more name, which must not exist yet. /proc, as AT_EMPTY_PATH needs a capability. */
static int link_as(const struct spool *s, const char *path)
{
	char self[PROC_FD_CHARS];

	if (s->name != NULL)
		return link(s->name, path) == 0 ? 0 : TG_EIO;
	snprintf(self, sizeof self, "/proc/self/fd/%d", s->fd);
	return linkat(AT_FDCWD, self, AT_FDCWD, path, AT_SYMLINK_FOLLOW) == 0 ? 0 : TG_EIO;
}

static int sync_dir(const struct spool *s)
{
	int fd = open(s->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return TG_EIO;
	(void)fsync(fd); /* some file systems cannot; the name is there all the same */
	close(fd);
	return 0;
}

static int replace_target(struct spool *s)
{
	char *temp = NULL;
	int err = TG_EIO;

	for (int i = 0; i < KEEP_TRIES && s->name == NULL; i++) {
		free(temp);
		if (asprintf(&temp, "%s/.timeglas.%08x", s->dir, (unsigned)randombytes_random()) < 0)
			return TG_ENOMEM;
		err = link_as(s, temp);
		if (err == 0 || errno != EEXIST)
			break;
	}
	if (s->name != NULL) {
		temp = s->name;
		s->name = NULL;
		err = 0;
	}
	if (err == 0 && rename(temp, s->target) != 0) {
		int saved = errno;

		unlink(temp);
		errno = saved;
		err = TG_EIO;
	}
	free(temp);
	return err == 0 ? sync_dir(s) : err;
}

int spool_commit(struct spool *s)
{
	int fd = s->fd;

	if (s->through) {
		s->fd = -1;
		return close_stream(s, fd);
	}
	if (s->target == NULL)
		return copy_out(s);
	if (fsync(s->fd) != 0)
		return TG_EIO;
	return replace_target(s);
}

int spool_keep(struct spool *s, char *name, size_t cap)
{
	int err = TG_EIO;

	if (s->target == NULL || fsync(s->fd) != 0)
		return TG_EIO;
	for (int i = 0; i < KEEP_TRIES; i++) {
		if (i == 0)
			snprintf(name, cap, "%s", s->target);
		else
			snprintf(name, cap, "%s.%d", s->target, i);
		err = link_as(s, name);
		if (err == 0 || errno != EEXIST)
			break;
	}
	return err == 0 ? sync_dir(s) : err;
}

void spool_free(struct spool *s)
{
	if (s == NULL)
		return;
	if (s->fd >= 0 && !(s->through && s->stream == NULL)) /* stdout is not ours to close */
		close(s->fd);
	if (s->name != NULL)
		unlink(s->name);
	free(s->name);
	free(s->target);
	free(s->stream);
	free(s->dir);
	free(s);
}
