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

/* The number of the file's first line, 0 when it has none, and the file's size. */
static int look(const char *path, uint64_t *first_n, uint64_t *size)
{
	char head[64];
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? pread(fd, head, sizeof head - 1, 0) : -1;
	const size_t skip = sizeof OPENING - 1;
	int rc = n < 0 || fstat(fd, &st) != 0 ? cannot_read(path) : 0;

	if (fd >= 0)
		close(fd);
	*first_n = 0;
	if (rc != 0 || n < 0)
		return rc;
	*size = (uint64_t)st.st_size;
	head[n] = '\0';
	if ((size_t)n > skip && memcmp(head, OPENING, skip) == 0)
		(void)tg_num_u64(head + skip, strspn(head + skip, "0123456789"), UINT64_MAX, first_n);
	return 0;
}

static int sort_files(const char **files, size_t n, uint64_t *total)
{
	uint64_t *key = calloc(n, sizeof *key);
	int rc = key != NULL ? 0 : cli_fail(TG_ENOMEM, "%s", tg_strerror(TG_ENOMEM));

	*total = 0;
	for (size_t i = 0; i < n && rc == 0; i++) {
		uint64_t k, size = 0;
		const char *file = files[i];
		size_t at = i;

		rc = look(file, &k, &size);
		if (rc != 0)
			break;
		*total += size;
		for (; at > 0 && key[at - 1] > k; at--) {
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
	if (rc == 0 && r->n > 0 && !enough(r))
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
