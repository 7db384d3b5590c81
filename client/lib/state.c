/* state.c: see state.h. It knows no file in the folder. Runs in the library. timeglas(1), FILES. */
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

/* it is held for some milliseconds; by a process that was stopped, for ever */
#define WAIT_MS 10000
#define PAUSE_MS 5
/* and not the folder itself: over NFS only what is open for writing can be locked */
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

int tg_state_open(int *fd, char *why, size_t cap)
{
	char path[TG_STATE_PATH];

	*fd = -1;
	if (tg_state_path(path) != 0) {
		snprintf(why, cap,
			"no folder for what was received: set XDG_STATE_HOME or HOME to an "
			"absolute path");
		return TG_EIO;
	}
	if (make_dirs(path) == 0)
		*fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*fd >= 0)
		return 0;
	snprintf(why, cap, "cannot use the folder %.150s (XDG_STATE_HOME, HOME): %s", path,
		strerror(errno));
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
