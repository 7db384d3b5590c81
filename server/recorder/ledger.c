/*
 * ledger.c: see ledger.h. A batch counts as recorded when it is written and synced. After a failure
 * the file is cut back to what was synced, and closed; the next ledger_open() finds its end anew.
 * So there is one way back from every failure.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <timeglas/errors.h>

#include "base/clock.h"
#include "base/log.h"
#include "core/bug.h"
#include "core/fd.h"
#include "recorder/ledger.h"
#include "recorder/tail.h"

#define BATCH_FIRST_BYTES 65536u
#define CHECKPOINT_US 1000000u

struct ledger {
	struct ledger_opts opts;
	char *path;
	int fd;                    /* -1: closed */
	uint64_t size;             /* of the file, all of it synced lines */
	uint64_t first_n;          /* number of the first line */
	int64_t first_ms;          /* and its time */
	struct evidence_mark mark; /* of the file */
	struct evidence_mark next; /* with the batch */
	char *batch;
	size_t n, cap;
	uint64_t head_n; /* of the last checkpoint's line; 0: none */
	uint8_t head[CHAIN_HASH];
	uint64_t checkpoint_us; /* when a checkpoint was last asked for */
};

struct ledger *ledger_new(const struct ledger_opts *o)
{
	struct ledger *l = calloc(1, sizeof *l);

	if (l == NULL)
		return NULL;
	l->opts = *o;
	l->fd = -1;
	l->path = strdup(o->path);
	if (l->path == NULL) {
		free(l);
		return NULL;
	}
	return l;
}

static void close_file(struct ledger *l)
{
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
	ledger_drop(l);
}

void ledger_free(struct ledger *l)
{
	if (l == NULL)
		return;
	close_file(l);
	free(l->batch);
	free(l->path);
	free(l);
}

bool ledger_is_open(const struct ledger *l)
{
	return l->fd >= 0;
}

const struct evidence_mark *ledger_mark(const struct ledger *l)
{
	return &l->mark;
}

const struct evidence_mark *ledger_next(const struct ledger *l)
{
	return &l->next;
}

uint64_t ledger_head(const struct ledger *l, uint8_t hash[CHAIN_HASH])
{
	memcpy(hash, l->head, CHAIN_HASH);
	return l->head_n;
}

/* The batch ---------------------------------------------------------------- */

void ledger_drop(struct ledger *l)
{
	l->n = 0;
	l->next = l->mark;
}

static int grow_batch(struct ledger *l)
{
	size_t cap = l->cap > 0 ? l->cap : BATCH_FIRST_BYTES;
	char *grown;

	while (cap - l->n < CHAIN_LINE_MAX + 1)
		cap *= 2;
	if (cap == l->cap)
		return 0;
	grown = realloc(l->batch, cap);
	if (grown == NULL)
		return TG_ENOMEM;
	l->batch = grown;
	l->cap = cap;
	return 0;
}

/* Makes the line that was just written behind the batch part of it. bytes: with its LF. */
static void take_line(struct ledger *l, size_t bytes)
{
	l->next.n++;
	chain_hash(l->batch + l->n, bytes - 1, l->next.hash);
	l->n += bytes;
}

int ledger_add(struct ledger *l, struct chain_record *r)
{
	struct chain_buf b = {.cap = CHAIN_LINE_MAX + 1};
	struct chain_pos pos;
	unsigned shard;

	if (grow_batch(l) != 0)
		return TG_ENOMEM;
	b.p = l->batch + l->n;
	r->n = l->next.n + 1;
	memcpy(r->prev, l->next.hash, CHAIN_HASH);
	chain_put_record(&b, r);
	if (b.full)
		return TG_EINVAL;
	take_line(l, b.n);
	l->next.unsigned_lines++;
	if (r->id.p != NULL && chain_id_parse(r->id.p, r->id.n, &shard, &pos) == 0)
		l->next.pos[shard] = pos;
	return 0;
}

void ledger_set_epoch(struct ledger *l, const char *epoch)
{
	memset(l->next.pos, 0, sizeof l->next.pos);
	snprintf(l->next.epoch, sizeof l->next.epoch, "%s", epoch);
}

void ledger_set_pos(struct ledger *l, unsigned shard, const struct chain_pos *pos)
{
	l->next.pos[shard] = *pos;
}

int ledger_commit(struct ledger *l)
{
	int saved;

	if (l->fd < 0) {
		errno = EBADF;
		return TG_EIO;
	}
	if (l->n > 0 && (tg_write_all(l->fd, l->batch, l->n) != 0 || fdatasync(l->fd) != 0)) {
		saved = errno;
		/* After a failed sync it is not known what is on the disk. What may not be there is
		 * removed from the file. */
		if (ftruncate(l->fd, (off_t)l->size) != 0)
			log_warn("audit-log",
				"cannot cut off the incomplete last lines of the evidence file: %s",
				strerror(errno));
		close_file(l);
		errno = saved;
		return TG_EIO;
	}
	l->size += l->n;
	l->mark = l->next;
	l->n = 0;
	return 0;
}

/* Checkpoints -------------------------------------------------------------- */

static int sign(struct ledger *l, const char *reason)
{
	struct chain_check c = {
		.n = l->next.n + 1, .time_ms = clock_wall_ms(), .reason = {reason, strlen(reason)}};
	struct chain_buf b = {.cap = CHAIN_LINE_MAX + 1};
	int rc;

	if (grow_batch(l) != 0) {
		errno = ENOMEM;
		close_file(l);
		return TG_EIO;
	}
	memcpy(c.epoch, l->next.epoch, sizeof c.epoch);
	memcpy(c.pos, l->next.pos, sizeof c.pos);
	memcpy(c.prev, l->next.hash, sizeof c.prev);
	b.p = l->batch + l->n;
	chain_put_check(&b, &c, l->opts.secret);
	if (b.full)
		tg_bug("ledger", "a checkpoint is longer than its bound");
	take_line(l, b.n);
	l->next.unsigned_lines = 0;
	rc = ledger_commit(l);
	if (rc == 0) {
		l->head_n = l->mark.n;
		memcpy(l->head, l->mark.hash, sizeof l->head);
	}
	return rc;
}

static int sync_folder(const char *path)
{
	char dir[PATH_MAX];
	int fd, rc;

	tail_folder(path, dir, sizeof dir);
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return TG_EIO;
	rc = fsync(fd);
	close(fd);
	return rc == 0 ? 0 : TG_EIO;
}

static bool is_full(const struct ledger *l)
{
	return l->size >= l->opts.rotate_bytes ||
		clock_wall_ms() - l->first_ms >= (int64_t)l->opts.rotate_s * 1000;
}

/* Renames the file to its name, a dot and its first line's number, and begins a new one. The new
 * one begins with a checkpoint whose prev is the old one's last line. */
static int rotate(struct ledger *l)
{
	char old[PATH_MAX];
	unsigned removed;

	if (tail_rotated(l->path, l->first_n, old, sizeof old) != 0 || rename(l->path, old) != 0) {
		log_error("audit-log", "cannot rotate; the recorder goes on with the same file: %s",
			strerror(errno));
		return 0;
	}
	close_file(l);
	removed = tail_expire(l->path, l->opts.keep_days);
	log_info("audit-log", "rotated; %u old files removed", removed);
	return ledger_open(l);
}

/* Returns false when another file or none stands at the path, so that nobody would find what is
 * written into the open one; or when another program has written into it. */
static bool is_in_place(const struct ledger *l)
{
	struct stat a, b;

	return fstat(l->fd, &a) == 0 && stat(l->path, &b) == 0 && a.st_dev == b.st_dev &&
		a.st_ino == b.st_ino && (uint64_t)a.st_size == l->size;
}

bool ledger_checkpoint_is_due(const struct ledger *l)
{
	return clock_mono_us() - l->checkpoint_us >= CHECKPOINT_US;
}

int ledger_checkpoint(struct ledger *l, const char *reason)
{
	int rc;

	l->checkpoint_us = clock_mono_us();
	if (l->fd < 0) {
		errno = EBADF;
		return TG_EIO;
	}
	if (!is_in_place(l)) {
		log_error("audit-log",
			"another program has moved, removed or changed the evidence file");
		close_file(l);
		errno = ESTALE;
		return TG_EIO;
	}
	if (l->mark.unsigned_lines > 0 && is_full(l)) {
		rc = sign(l, "rotation");
		return rc == 0 ? rotate(l) : rc;
	}
	if (l->mark.unsigned_lines == 0 && strcmp(reason, "time") == 0)
		return 0;
	return sign(l, reason);
}

/* Opening ------------------------------------------------------------------ */

/* For a file that is new or empty: continues the chain from what we remember, or from the newest
 * rotated file. When there is neither, a chain begins. */
static int continue_chain(struct ledger *l)
{
	char old[PATH_MAX];
	struct tail t;
	int fd, rc;

	if (l->mark.n > 0 || !tail_newest(l->path, old, sizeof old))
		return 0;
	fd = open(old, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return TG_EIO;
	rc = tail_read(fd, &t);
	close(fd);
	if (rc == 0 && (t.mark.n == 0 || t.torn_bytes > 0))
		rc = TG_EINVAL;
	if (rc == 0)
		l->mark = t.mark;
	return rc;
}

/* The file may have more lines than we remember, if it could not be cut back. It cannot have fewer,
 * nor other ones. */
static int check_not_behind(const struct ledger *l, const struct tail *t)
{
	if (t->mark.n < l->mark.n ||
		(t->mark.n == l->mark.n && memcmp(t->mark.hash, l->mark.hash, CHAIN_HASH) != 0))
		return TG_EINVAL;
	return 0;
}

static int find_end(struct ledger *l)
{
	struct tail t;
	int rc = tail_read(l->fd, &t);

	if (rc != 0)
		return rc;
	if (t.torn_bytes > 0) {
		log_warn("audit-log",
			"the last line of the evidence file is incomplete: %llu bytes are cut off; "
			"its "
			"event will be written again",
			(unsigned long long)t.torn_bytes);
		if (ftruncate(l->fd, (off_t)t.whole_bytes) != 0)
			return TG_EIO;
	}
	l->size = t.whole_bytes;
	if (t.mark.n == 0)
		return continue_chain(l);
	rc = check_not_behind(l, &t);
	if (rc != 0)
		return rc;
	l->mark = t.mark;
	l->first_n = t.first_n;
	l->first_ms = t.first_ms;
	return 0;
}

int ledger_open(struct ledger *l)
{
	int rc, saved;

	if (l->fd >= 0)
		return 0;
	l->fd = open(l->path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (l->fd < 0)
		return TG_EIO;
	rc = find_end(l);
	if (rc == 0 && l->size == 0) {
		l->first_n = l->mark.n + 1;
		l->first_ms = clock_wall_ms();
		rc = sync_folder(l->path);
	}
	if (rc != 0) {
		saved = errno;
		close_file(l);
		errno = saved;
		return rc;
	}
	ledger_drop(l);
	l->checkpoint_us = clock_mono_us();
	return sign(l, l->size == 0 ? LEDGER_BEGIN : "start");
}
