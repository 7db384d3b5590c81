/* file.c: see file.h. It does not look at what it reads. Runs in the master, and where a
 * configuration is checked. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <sodium.h>
#include <timeglas/errors.h>

#include "base/file.h"

FILE *file_open(const char *path, char *why, size_t cap)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;
	FILE *f;

	if (fd < 0) {
		snprintf(why, cap, "cannot open %s (%s); check the path and who may read it", path,
			strerror(errno));
		return NULL;
	}
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		snprintf(why, cap, "%s is not a file; name one that can be read again", path);
		close(fd);
		return NULL;
	}
	f = fdopen(fd, "r");
	if (f == NULL) {
		snprintf(why, cap, "cannot read %s (%s)", path, strerror(errno));
		close(fd);
	}
	return f;
}

int file_read(const char *path, size_t max, struct file_bytes *out, char *why, size_t cap)
{
	FILE *f = file_open(path, why, cap);
	int err = 0;

	*out = (struct file_bytes){NULL, 0};
	if (f == NULL)
		return TG_EIO;
	setvbuf(f, NULL, _IONBF, 0); /* otherwise stdio's buffer would keep a copy of a key */
	out->b = malloc(max + 1);
	if (out->b == NULL) {
		snprintf(why, cap, "out of memory; free some");
		err = TG_ENOMEM;
	} else {
		out->n = fread(out->b, 1, max + 1, f);
		if (ferror(f)) {
			snprintf(why, cap, "cannot read %s (%s)", path, strerror(errno));
			err = TG_EIO;
		} else if (out->n > max) {
			snprintf(why, cap, "%s has more than %zu bytes; is it the right file?",
				path, max);
			err = TG_ETOOBIG;
		}
	}
	fclose(f);
	return err;
}

void file_free(struct file_bytes *f)
{
	if (f->b != NULL)
		sodium_memzero(f->b, f->n);
	free(f->b);
	*f = (struct file_bytes){NULL, 0};
}
