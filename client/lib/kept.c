/*
 * kept.c: the list of kept copies. Each has a line `until device inode modified path`: until in
 * milliseconds and modified in nanoseconds of Unix time, and in the path %XX for a byte that would
 * break the line. A file that was moved, changed or replaced since then is the user's, and stays.
 * Runs in the library. timeglas(1), FILES.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <timeglas/timeglas.h>
#include <unistd.h>
#include "core/hex.h"
#include "core/num.h"
#include "lib/clock.h"
#include "lib/kept.h"
#include "lib/state.h"

#define FILE_NAME "kept"
#define TEMP_NAME "kept.new"

struct entry {
	int64_t until_ms, modified_ns;
	uint64_t dev, ino;
	char *path;
};

static int64_t modified(const struct stat *st)
{
	return (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
}

static void write_entry(FILE *f, const struct entry *e)
{
	fprintf(f, "%" PRId64 " %" PRIu64 " %" PRIu64 " %" PRId64 " ", e->until_ms, e->dev, e->ino,
		e->modified_ns);
	for (const unsigned char *p = (const unsigned char *)e->path; *p != '\0'; p++)
		if (*p <= ' ' || *p == '%' || *p == 0x7f)
			fprintf(f, "%%%02x", *p);
		else
			fputc(*p, f);
	fputc('\n', f);
}

static void unescape(char *s)
{
	char *to = s;
	uint8_t byte;

	for (; *s != '\0' && *s != '\n'; s++)
		if (*s == '%' && s[1] != '\0' && tg_hex_decode(s + 1, 2, &byte, 1) == 0 &&
			byte != 0) {
			*to++ = (char)byte;
			s += 2;
		} else {
			*to++ = *s;
		}
	*to = '\0';
}

/* A number up to the next blank; line is then behind that. */
static bool take_number(char **line, uint64_t *out)
{
	size_t n = strcspn(*line, " ");

	if ((*line)[n] != ' ' || tg_num_u64(*line, n, UINT64_MAX, out) != 0)
		return false;
	*line += n + 1;
	return true;
}

static bool read_entry(char *line, struct entry *e)
{
	uint64_t until, modified_at;

	if (!take_number(&line, &until) || !take_number(&line, &e->dev) ||
		!take_number(&line, &e->ino) || !take_number(&line, &modified_at) ||
		until > INT64_MAX || modified_at > INT64_MAX)
		return false;
	e->until_ms = (int64_t)until;
	e->modified_ns = (int64_t)modified_at;
	e->path = line;
	unescape(e->path);
	return e->path[0] == '/';
}

/* The path without links or dots, of a file that need not exist yet; the caller frees it. */
static char *absolute_path(const char *path)
{
	const char *slash = strrchr(path, '/'), *name = slash != NULL ? slash + 1 : path;
	char *folder = slash == NULL ? strdup(".") : strndup(path, (size_t)(slash - path) + 1);
	char *real = folder != NULL ? realpath(folder, NULL) : NULL, *out = NULL;

	if (real != NULL && asprintf(&out, "%s/%s", strcmp(real, "/") == 0 ? "" : real, name) < 0)
		out = NULL;
	free(real);
	free(folder);
	return out;
}

static FILE *open_at(int dir, const char *name, int flags, const char *mode)
{
	int fd = openat(dir, name, flags | O_CLOEXEC | O_NOFOLLOW, 0600);
	FILE *f = fd >= 0 ? fdopen(fd, mode) : NULL;

	if (f == NULL && fd >= 0)
		close(fd);
	return f;
}

static int append(int dir, const struct entry *e)
{
	int lock = tg_state_lock(dir), err = TG_EIO;
	FILE *f = lock >= 0 ? open_at(dir, FILE_NAME, O_WRONLY | O_APPEND | O_CREAT, "a") : NULL;

	if (f != NULL) {
		write_entry(f, e);
		err = fflush(f) == 0 && fsync(fileno(f)) == 0 ? 0 : TG_EIO;
		fclose(f);
	}
	tg_state_unlock(lock);
	return err;
}

int tg_kept_add(const char *path, const struct stat *st, int64_t until_ms)
{
	struct entry e = {.until_ms = until_ms,
		.modified_ns = modified(st),
		.dev = st->st_dev,
		.ino = st->st_ino,
		.path = absolute_path(path)};
	char why[256];
	int dir, err = TG_EIO;

	if (e.path != NULL && tg_state_open(&dir, why, sizeof why) == 0) {
		err = append(dir, &e);
		close(dir);
	}
	free(e.path);
	return err;
}

/* Removes the file if it is still the one that was listed. Returns whether its line can be dropped,
 * because the file is gone or is another one now. */
static bool remove_listed(const struct entry *e, int *removed)
{
	struct stat st;

	if (lstat(e->path, &st) != 0)
		return errno == ENOENT || errno == ENOTDIR;
	if (!S_ISREG(st.st_mode) || st.st_dev != e->dev || st.st_ino != e->ino ||
		modified(&st) != e->modified_ns)
		return true;
	if (unlink(e->path) != 0)
		return false;
	++*removed;
	return true;
}

/* Copies to the new list what is not due, or could not be removed. Returns how many stay. */
static size_t sweep_lines(FILE *from, FILE *to, int64_t now_ms, int *removed)
{
	char *line = NULL;
	size_t cap = 0, stay = 0;
	struct entry e;

	while (getline(&line, &cap, from) > 0) {
		if (!read_entry(line, &e) || (now_ms >= e.until_ms && remove_listed(&e, removed)))
			continue;
		write_entry(to, &e);
		stay++;
	}
	free(line);
	return stay;
}

static int sweep(int dir, int64_t now_ms)
{
	int lock = tg_state_lock(dir), removed = 0;
	FILE *from = lock >= 0 ? open_at(dir, FILE_NAME, O_RDONLY, "r") : NULL;
	FILE *to = from != NULL ? open_at(dir, TEMP_NAME, O_WRONLY | O_CREAT | O_TRUNC, "w") : NULL;
	size_t stay = 1;
	bool good = false;

	if (to != NULL) {
		stay = sweep_lines(from, to, now_ms, &removed);
		good = fflush(to) == 0 && fsync(fileno(to)) == 0 && !ferror(from);
	}
	if (good && stay > 0)
		good = renameat(dir, TEMP_NAME, dir, FILE_NAME) == 0;
	else if (good)
		unlinkat(dir, FILE_NAME, 0);
	if (to != NULL && (!good || stay == 0))
		unlinkat(dir, TEMP_NAME, 0);
	if (from != NULL)
		fclose(from);
	if (to != NULL)
		fclose(to);
	tg_state_unlock(lock);
	return removed;
}

int tg_kept_sweep_at(int64_t now_ms)
{
	int dir, removed = 0;

	if (tg_state_find(&dir) != 0)
		return 0;
	if (faccessat(dir, FILE_NAME, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		removed = sweep(dir, now_ms);
	close(dir);
	return removed;
}

int tg_kept_sweep(void)
{
	return tg_kept_sweep_at(clock_unix_ms());
}
