/*
 * state.c: finds, checks, makes and locks the state folder. It knows no file in it but the lock.
 * Runs in the library. timeglas(1), FILES.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <timeglas/errors.h>
#include <unistd.h>
#include "lib/state.h"

/* The lock is held for milliseconds, but a process that was stopped may hold it for ever. */
#define WAIT_MS 10000
#define PAUSE_MS 5
/* A file and not the folder itself, since over NFS only what is open for writing can be locked. */
#define LOCK_NAME "lock"

int tg_state_path(char out[TG_STATE_PATH])
{
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	int n;

	errno = ENOENT;
	if (state != NULL && state[0] == '/')
		n = snprintf(out, TG_STATE_PATH, "%s/timeglas", state);
	else if (home != NULL && home[0] == '/')
		n = snprintf(out, TG_STATE_PATH, "%s/.local/state/timeglas", home);
	else
		return TG_EIO;
	if (n < TG_STATE_PATH)
		return 0;
	errno = ENAMETOOLONG;
	return TG_EIO;
}

static int make_dirs(char *path)
{
	for (char *p = path + 1;; p++) {
		char at = *p;

		if (at != '/' && at != '\0')
			continue;
		*p = '\0';
		if (mkdir(path, 0700) != 0 && errno != EEXIST)
			return TG_EIO;
		*p = at;
		if (at == '\0')
			return 0;
	}
}

/* Whoever else may write here can make a verifier forget what it received, or have it remove files
 * of the user's. Returns what is wrong, or NULL. */
static const char *fault_of(int dir)
{
	struct stat st;

	if (fstat(dir, &st) != 0)
		return strerror(errno);
	if (st.st_uid != geteuid())
		return "it belongs to another user";
	if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		return "other users may write there; take that away (chmod 700)";
	return NULL;
}

/* Returns NULL with *dir open, or what is wrong. */
static const char *open_checked(const char *path, int *dir)
{
	const char *fault;

	*dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*dir < 0)
		return strerror(errno);
	fault = fault_of(*dir);
	if (fault != NULL) {
		close(*dir);
		*dir = -1;
	}
	return fault;
}

int tg_state_find(int *dir)
{
	char path[TG_STATE_PATH];

	*dir = -1;
	return tg_state_path(path) == 0 && open_checked(path, dir) == NULL ? 0 : TG_EIO;
}

int tg_state_open(int *dir, char *why, size_t cap)
{
	char path[TG_STATE_PATH];
	const char *fault;

	*dir = -1;
	if (tg_state_path(path) != 0) {
		snprintf(why, cap,
			"no folder for what was received: set XDG_STATE_HOME or HOME to an "
			"absolute path");
		return TG_EIO;
	}
	fault = make_dirs(path) == 0 ? open_checked(path, dir) : strerror(errno);
	if (fault == NULL)
		return 0;
	snprintf(why, cap, "cannot use the folder %.150s (XDG_STATE_HOME, HOME): %s", path, fault);
	return TG_EIO;
}

int tg_state_lock(int dir)
{
	int fd = openat(dir, LOCK_NAME, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600), saved;
	const struct timespec pause = {.tv_nsec = PAUSE_MS * 1000000L};

	if (fd < 0)
		return TG_EIO;
	for (int waited_ms = 0; flock(fd, LOCK_EX | LOCK_NB) != 0; waited_ms += PAUSE_MS) {
		if ((errno != EWOULDBLOCK && errno != EINTR) || waited_ms >= WAIT_MS) {
			saved = errno == EWOULDBLOCK ? ETIMEDOUT : errno;
			close(fd);
			errno = saved;
			return TG_EIO;
		}
		nanosleep(&pause, NULL);
	}
	return fd;
}

void tg_state_unlock(int lock)
{
	if (lock >= 0)
		close(lock);
}
