/*
 * seen.c: the memory of received references: fixed records (Unix time, keyless BLAKE2b of the reference), oldest first, under a lock.
 * Hashed, so that the file tells nobody which evidence was received. It is pruned in place, and only when the expired part is at
 * least as long as the rest: then a crash in between leaves a record twice, but never loses one. Runs in the timeglas command.
 */
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include "cli/seen.h"

#define REMEMBER_S 86400
#define HASH_BYTES 32
#define PATH_CHARS 4096

struct record {
	int64_t at_s;
	uint8_t hash[HASH_BYTES];
};
#define RECORD_BYTES ((off_t)sizeof(struct record))

static int make_dirs(char *path)
{
	for (char *p = path + 1; *p != '\0'; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		if (mkdir(path, 0700) != 0 && errno != EEXIST)
			return TG_EIO;
		*p = '/';
	}
	return 0;
}

int seen_open(char why[256], int *fd)
{
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	char path[PATH_CHARS];
	int n;

	if (state != NULL && state[0] == '/')
		n = snprintf(path, sizeof path, "%s/timeglas/seen", state);
	else
		n = snprintf(path, sizeof path, "%s/.local/state/timeglas/seen", home != NULL ? home : "");
	if (n >= (int)sizeof path || path[0] != '/' || make_dirs(path) != 0) {
		snprintf(why, 256, "cannot make the folder for what was seen (XDG_STATE_HOME, HOME): %s", strerror(errno));
		return TG_EIO;
	}
	*fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (*fd >= 0)
		return 0;
	snprintf(why, 256, "cannot open %.150s: %s", path, strerror(errno));
	return TG_EIO;
}

static int read_record(int fd, off_t i, struct record *r)
{
	return pread(fd, r, sizeof *r, i * RECORD_BYTES) == (ssize_t)sizeof *r ? 0 : TG_EIO;
}

static int write_record(int fd, off_t i, const struct record *r)
{
	return pwrite(fd, r, sizeof *r, i * RECORD_BYTES) == (ssize_t)sizeof *r ? 0 : TG_EIO;
}

/* Moves the live records to the front; they fit beside each other in what has expired. */
static int prune(int fd, off_t n, off_t expired)
{
	struct record r;

	for (off_t i = expired; i < n; i++)
		if (read_record(fd, i, &r) != 0 || write_record(fd, i - expired, &r) != 0)
			return TG_EIO;
	return fsync(fd) == 0 && ftruncate(fd, (n - expired) * RECORD_BYTES) == 0 ? 0 : TG_EIO;
}

static int look_up(int fd, const struct record *mine)
{
	off_t size = lseek(fd, 0, SEEK_END), n = size / RECORD_BYTES, expired = 0;
	bool leading = true;
	struct record r;

	if (size < 0)
		return TG_EIO;
	for (off_t i = 0; i < n; i++) {
		if (read_record(fd, i, &r) != 0)
			return TG_EIO;
		leading = leading && r.at_s + REMEMBER_S <= mine->at_s;
		expired += leading;
		if (r.at_s + REMEMBER_S > mine->at_s && memcmp(r.hash, mine->hash, HASH_BYTES) == 0)
			return TG_EREPLAY;
	}
	if (expired > 0 && expired >= n - expired) {
		if (prune(fd, n, expired) != 0)
			return TG_EIO;
		n -= expired;
	}
	if (write_record(fd, n, mine) != 0)
		return TG_EIO;
	return fsync(fd) == 0 ? 0 : TG_EIO;
}

int seen_check(int fd, const uint8_t ref[TG_REF_BYTES], int64_t now_s)
{
	struct record mine = { .at_s = now_s };
	int err;

	crypto_generichash(mine.hash, sizeof mine.hash, ref, TG_REF_BYTES, NULL, 0);
	while (flock(fd, LOCK_EX) != 0)
		if (errno != EINTR)
			return TG_EIO;
	err = look_up(fd, &mine);
	flock(fd, LOCK_UN);
	return err;
}
