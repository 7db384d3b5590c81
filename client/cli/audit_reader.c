/*
 * audit_reader.c: reads evidence files line by line in constant memory. A file that a recorder is
 * writing just now may end in half a line, or in lines that are not signed yet; the reader waits a
 * moment for the rest. Runs in the timeglas command.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "cli/audit_reader.h"
#include "cli/output.h"
#include "core/chain.h"

#define BUF_BYTES ((size_t)1 << 20)
#define WAIT_TRIES 60 /* 3 s in all; a recorder signs every second */
#define WAIT_MS 50
#define HALF_LINE_TRIES 6

enum { STOPPED = -1 };

struct audit_reader {
	struct cli *cli;
	const char *const *files;
	size_t n_files, i; /* i: the file that is open, or the next one */
	const struct audit_reader_calls *calls;
	void *ctx;
	struct audit_bytes *bytes;
	int fd;
	bool any;     /* the open file had something to read */
	bool waiting; /* the end of the last file was reached once */
	bool stopped; /* reading stopped before the line with which the buffer begins */
	char *buf;
	size_t n;
	struct finding_place at;
	bool skipping;                  /* reading the rest of a line that was too long */
	uint64_t from_bytes, from_line; /* where the next file is begun */
};

struct audit_reader *audit_reader_new(struct cli *cli, const char *const *files, size_t n,
	const struct audit_reader_calls *calls, void *ctx, struct audit_bytes *bytes)
{
	struct audit_reader *r = calloc(1, sizeof *r);

	if (r == NULL)
		return NULL;
	*r = (struct audit_reader){.cli = cli,
		.files = files,
		.n_files = n,
		.calls = calls,
		.ctx = ctx,
		.bytes = bytes,
		.fd = -1,
		.buf = malloc(BUF_BYTES)};
	if (r->buf == NULL) {
		free(r);
		return NULL;
	}
	return r;
}

void audit_reader_free(struct audit_reader *r)
{
	if (r == NULL)
		return;
	if (r->fd >= 0)
		close(r->fd);
	free(r->buf);
	free(r);
}

bool audit_reader_done(const struct audit_reader *r)
{
	return r->i == r->n_files;
}

static int cannot_read(const char *path)
{
	return output_fail(TG_EIO, "cannot read %s: %s", path, strerror(errno));
}

static bool is_last(const struct audit_reader *r)
{
	return r->i + 1 == r->n_files;
}

static bool must_wait(const struct audit_reader *r)
{
	return is_last(r) && r->calls->more(r->ctx);
}

static bool enough(const struct audit_reader *r)
{
	return r->waiting && !r->calls->more(r->ctx);
}

static int give_line(struct audit_reader *r, const char *line, size_t n, bool whole)
{
	bool skip = r->skipping;

	r->skipping = false;
	if (skip) { /* the beginning of this line was given already */
		r->at.end_bytes += n + whole;
		return 0;
	}
	if (!r->stopped && r->calls->stop(r->ctx, line, n)) {
		r->stopped = true;
		return STOPPED;
	}
	r->stopped = false;
	r->at.line++;
	r->at.whole = whole;
	r->at.end_bytes += n + whole;
	return r->calls->line(r->ctx, line, n, &r->at);
}

/* Gives every complete line of the buffer, and moves the rest to its front. */
static int give_lines(struct audit_reader *r)
{
	size_t from = 0;
	const char *lf;
	int rc = 0;

	while (rc == 0 && !enough(r) && (lf = memchr(r->buf + from, '\n', r->n - from)) != NULL) {
		rc = give_line(r, r->buf + from, (size_t)(lf - r->buf) - from, true);
		if (rc != STOPPED)
			from = (size_t)(lf - r->buf) + 1;
	}
	r->n -= from;
	memmove(r->buf, r->buf + from, r->n);
	if (rc == 0 && r->n == BUF_BYTES) { /* the line is longer than any of the recorder's */
		if (!r->skipping)
			rc = give_line(r, r->buf, CHAIN_LINE_MAX + 1, true);
		r->skipping = true;
		r->n = 0;
	}
	return rc;
}

static int read_file(struct audit_reader *r)
{
	const struct timespec moment = {0, WAIT_MS * 1000000L};
	int rc = give_lines(r), tries = 0, half = 0;
	ssize_t got;

	while (rc == 0 && !(enough(r) && tries > 0)) {
		got = read(r->fd, r->buf + r->n, BUF_BYTES - r->n);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return cannot_read(r->at.file);
		if (got == 0) {
			if (r->n > 0 && is_last(r) && half++ < HALF_LINE_TRIES) {
				nanosleep(&moment, NULL);
				continue;
			}
			r->waiting = must_wait(r);
			if (!r->waiting || tries++ == WAIT_TRIES)
				break;
			nanosleep(&moment, NULL);
			continue;
		}
		r->any = true;
		r->n += (size_t)got;
		r->bytes->done += (uint64_t)got;
		rc = give_lines(r);
		progress_step(&r->cli->progress, 0, r->bytes->done, r->bytes->total);
	}
	if (rc == 0 && !enough(r) && (r->n > 0 || !r->any))
		rc = give_line(r, r->buf, r->n, false);
	return rc;
}

static int open_next(struct audit_reader *r)
{
	r->at = (struct finding_place){.file = r->files[r->i]};
	r->n = 0;
	r->any = r->skipping = false;
	r->fd = open(r->at.file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (r->fd >= 0 && r->from_bytes > 0) {
		r->at.line = r->from_line;
		r->at.end_bytes = r->from_bytes;
		r->any = true;
	}
	if (r->fd < 0 || lseek(r->fd, (off_t)r->from_bytes, SEEK_SET) < 0)
		return cannot_read(r->at.file);
	r->from_bytes = 0;
	return 0;
}

void audit_reader_begin_at(struct audit_reader *r, size_t file, uint64_t bytes, uint64_t line)
{
	r->i = file;
	r->from_bytes = bytes;
	r->from_line = line;
	r->bytes->done += bytes;
}

int audit_reader_run(struct audit_reader *r)
{
	int rc = 0;

	while (rc == 0 && !audit_reader_done(r)) {
		if (r->fd < 0)
			rc = open_next(r);
		if (rc == 0)
			rc = read_file(r);
		if (rc != 0)
			break;
		close(r->fd);
		r->fd = -1;
		r->i++;
	}
	return rc == STOPPED ? 0 : rc;
}
