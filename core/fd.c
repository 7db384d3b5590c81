/*
 * fd.c: writes whole buffers, and occupies closed standard streams. It opens no file but /dev/null.
 * Runs in every program.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <unistd.h>
#include <timeglas/errors.h>
#include "core/fd.h"

int tg_write_all(int fd, const void *p, size_t n)
{
	const uint8_t *at = p;

	while (n > 0) {
		ssize_t k = write(fd, at, n);

		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0) {
			/* write() says nothing of a count of 0, so errno may be an older one. */
			errno = k == 0 ? EIO : errno;
			return TG_EIO;
		}
		at += k;
		n -= (size_t)k;
	}
	return 0;
}

int tg_streams_occupy(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (fcntl(fd, F_GETFD) >= 0 || errno != EBADF)
			continue;
		/* The lowest free number is taken, and those below are in use. */
		if ((fd == STDIN_FILENO ? open("/dev/null", O_WRONLY) :
					  open("/dev/null", O_RDONLY)) != fd)
			return TG_EIO;
	}
	return 0;
}
