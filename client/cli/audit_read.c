/*
 * audit_read.c: reads evidence files line by line in constant memory. A file that a recorder is writing just now may end in half a line, or in lines that are not
 * signed yet; it is then given a moment.
 * Runs in the timeglas command.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "cli/audit_read.h"
#include "cli/output.h"
#include "core/chain.h"
#include "core/num.h"

#define BUF_BYTES ((size_t)1 << 20)
#define WAIT_TRIES 60 /* 3 s: a recorder signs every second */
#define WAIT_MS 50
#define HALF_LINE_TRIES 6
#define OPENING "{\"n\":"

struct reader {
	struct cli *cli;
	audit_line_fn *fn;
	audit_more_fn *more;
	void *ctx;
	bool last;     /* file */
	bool waiting;  /* the end was reached once */
	char *buf;
	size_t n;
	uint64_t done, total;
	struct audit_at at;
	bool skipping; /* in the rest of a line that was too long */
};

static int cannot_read(const char *path)
{
	return cli_fail(TG_EIO, "cannot read %s: %s", path, strerror(errno));
}

struct look {
	uint64_t first_n; /* the number of the file's first line, 0 when it has none */
	uint64_t size;
	dev_t dev;
	ino_t ino;
};

/* gzip, zstd, xz, bzip2 */
static bool is_packed(const char *head, size_t n)
{
	static const char *const magic[] = {"\x1f\x8b", "\x28\xb5\x2f\xfd", "\xfd\x37zXZ", "BZh"};

	for (size_t i = 0; i < sizeof magic / sizeof magic[0]; i++)
		if (n >= strlen(magic[i]) && memcmp(head, magic[i], strlen(magic[i])) == 0)
			return true;
	return false;
}

/* A file that its recorder has just made gets its first line in a moment. */
static int look(const char *path, struct look *out)
{
	const struct timespec moment = {0, WAIT_MS * 1000000L};
	char head[64];
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? pread(fd, head, sizeof head - 1, 0) : -1;
	const size_t skip = sizeof OPENING - 1;
	int rc;

	for (int tries = 0; n == 0 && tries < HALF_LINE_TRIES; tries++) {
		nanosleep(&moment, NULL);
		n = pread(fd, head, sizeof head - 1, 0);
	}
	rc = n < 0 || fstat(fd, &st) != 0 ? cannot_read(path) : 0;
	if (fd >= 0)
		close(fd);
	if (rc != 0 || n < 0)
		return rc;
	*out = (struct look){ .size = (uint64_t)st.st_size, .dev = st.st_dev, .ino = st.st_ino };
	head[n] = '\0';
	if (is_packed(head, (size_t)n))
		return cli_usage("%s is compressed: unpack it first", path);
	if ((size_t)n > skip && memcmp(head, OPENING, skip) == 0)
		(void)tg_num_u64(head + skip, strspn(head + skip, "0123456789"), UINT64_MAX, &out->first_n);
	return 0;
}

static int sort_files(const char **files, size_t n, uint64_t *total)
{
	struct look *key = calloc(n, sizeof *key);
	int rc = key != NULL ? 0 : cli_fail(TG_ENOMEM, "%s", tg_strerror(TG_ENOMEM));

	*total = 0;
	for (size_t i = 0; i < n && rc == 0; i++) {
		struct look k = { 0 };
		const char *file = files[i];
		size_t at = i;

		rc = look(file, &k);
		for (size_t j = 0; j < i && rc == 0; j++)
			if (key[j].dev == k.dev && key[j].ino == k.ino)
				rc = cli_usage("%s and %s are the same file: give it once", files[j], file);
		if (rc != 0)
			break;
		*total += k.size;
		for (; at > 0 && key[at - 1].first_n > k.first_n; at--) {
			key[at] = key[at - 1];
			files[at] = files[at - 1];
		}
		key[at] = k;
		files[at] = file;
	}
	free(key);
	return rc;
}

static int give(struct reader *r, const char *line, size_t n, bool whole)
{
	bool skip = r->skipping;

	r->skipping = false;
	if (skip)
		return 0; /* its beginning has been given */
	r->at.line++;
	r->at.whole = whole;
	return r->fn(r->ctx, line, n, &r->at);
}

static bool enough(const struct reader *r)
{
	return r->waiting && (r->more == NULL || !r->more(r->ctx));
}

/* Every whole line of the buffer; what is left of it moves to the front. */
static int give_lines(struct reader *r)
{
	size_t from = 0;
	const char *lf;
	int rc = 0;

	while (rc == 0 && !enough(r) && (lf = memchr(r->buf + from, '\n', r->n - from)) != NULL) {
		rc = give(r, r->buf + from, (size_t)(lf - r->buf) - from, true);
		from = (size_t)(lf - r->buf) + 1;
	}
	r->n -= from;
	memmove(r->buf, r->buf + from, r->n);
	if (rc == 0 && r->n == BUF_BYTES) { /* no such line is ours */
		if (!r->skipping)
			rc = give(r, r->buf, CHAIN_LINE_MAX + 1, true);
		r->skipping = true;
		r->n = 0;
	}
	return rc;
}

static int read_fd(struct reader *r, int fd)
{
	const struct timespec moment = {0, WAIT_MS * 1000000L};
	const uint64_t before = r->done;
	int rc = 0, tries = 0, half = 0;
	ssize_t got;

	while (rc == 0 && !(enough(r) && tries > 0)) {
		got = read(fd, r->buf + r->n, BUF_BYTES - r->n);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return cannot_read(r->at.file);
		if (got == 0) {
			if (r->n > 0 && r->last && half++ < HALF_LINE_TRIES) {
				nanosleep(&moment, NULL);
				continue;
			}
			r->waiting = r->last && r->more != NULL && r->more(r->ctx);
			if (!r->waiting || tries++ == WAIT_TRIES)
				break;
			nanosleep(&moment, NULL);
			continue;
		}
		r->n += (size_t)got;
		r->done += (uint64_t)got;
		rc = give_lines(r);
		progress_step(&r->cli->progress, 0, r->done, r->total);
	}
	if (rc == 0 && !enough(r) && (r->n > 0 || r->done == before))
		rc = give(r, r->buf, r->n, false);
	return rc;
}

int audit_read(struct cli *cli, const char **files, size_t n, audit_line_fn *fn, audit_more_fn *more, void *ctx)
{
	struct reader r = { .cli = cli, .fn = fn, .more = more, .ctx = ctx, .buf = malloc(BUF_BYTES) };
	int rc = r.buf != NULL ? sort_files(files, n, &r.total) : cli_fail(TG_ENOMEM, "%s", tg_strerror(TG_ENOMEM));

	progress_start(&cli->progress, false);
	for (size_t i = 0; i < n && rc == 0; i++) {
		int fd = open(files[i], O_RDONLY | O_CLOEXEC);

		r.at = (struct audit_at){ .file = files[i] };
		r.n = 0;
		r.skipping = false;
		r.last = i + 1 == n;
		rc = fd >= 0 ? read_fd(&r, fd) : cannot_read(files[i]);
		if (fd >= 0)
			close(fd);
	}
	progress_end(&cli->progress);
	free(r.buf);
	return rc;
}
