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
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <timeglas/errors.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "core/bug.h"
#include "core/chain_note.h"
#include "core/fd.h"
#include "core/hex.h"
#include "recorder/chain_end.h"
#include "recorder/evidence_tree.h"
#include "recorder/ledger.h"
#include "recorder/tail.h"

#define BATCH_FIRST_BYTES 65536u
/* It is asked for every 250 ms at least, so that no more than a second passes. */
#define CHECKPOINT_US 740000u

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
	size_t in_tree; /* bytes of the batch whose lines are in the tree already */
	struct evidence_tree *tree;
	char origin[CHAIN_ORIGIN_MAX + 1]; /* "": not known yet */
	uint64_t head_n;                   /* of the last checkpoint's line; 0: none */
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
	l->tree = evidence_tree_new(o->path);
	snprintf(l->origin, sizeof l->origin, "%s", o->origin != NULL ? o->origin : "");
	if (l->path == NULL || l->tree == NULL) {
		ledger_free(l);
		return NULL;
	}
	return l;
}

static void close_file(struct ledger *l)
{
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
	if (!evidence_tree_has(l->tree, l->mark.n)) /* it has lines that the file has not */
		evidence_tree_close(l->tree);
	ledger_drop(l);
}

void ledger_free(struct ledger *l)
{
	if (l == NULL)
		return;
	if (l->fd >= 0)
		close(l->fd);
	evidence_tree_free(l->tree);
	free(l->batch);
	free(l->path);
	free(l);
}

bool ledger_is_open(const struct ledger *l)
{
	return l->fd >= 0;
}

const char *ledger_origin(const struct ledger *l)
{
	return l->origin;
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
	if (l->in_tree > 0 && l->fd >= 0)
		tg_bug("ledger", "lines are dropped that are in the tree");
	l->n = l->in_tree = 0;
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

/* Adds those lines of the batch to the tree that are not in it. */
static int add_to_tree(struct ledger *l)
{
	int rc = evidence_tree_add(l->tree, l->batch + l->in_tree, l->n - l->in_tree);

	l->in_tree = l->n;
	return rc;
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
	if (add_to_tree(l) != 0) {
		saved = errno;
		close_file(l);
		errno = saved;
		return TG_EIO;
	}
	l->n = l->in_tree = 0;
	return 0;
}

/* Checkpoints -------------------------------------------------------------- */

static int close_failed(struct ledger *l, int error)
{
	close_file(l);
	errno = error;
	return TG_EIO;
}

/* Makes a checkpoint over all lines so far the last line of the batch. */
static void put_check(struct ledger *l, struct chain_check *c)
{
	struct chain_buf b = {.p = l->batch + l->n, .cap = CHAIN_LINE_MAX + 1};

	c->n = l->next.n + 1;
	c->time_ms = clock_wall_ms();
	memcpy(c->epoch, l->next.epoch, sizeof c->epoch);
	memcpy(c->pos, l->next.pos, sizeof c->pos);
	memcpy(c->prev, l->next.hash, sizeof c->prev);
	c->origin = (struct chain_text){l->origin, strlen(l->origin)};
	chain_note_sign(c, l->opts.secret);
	chain_put_check(&b, c, l->opts.secret);
	if (b.full)
		tg_bug("ledger", "a checkpoint is longer than its bound");
	take_line(l, b.n);
	l->next.unsigned_lines = 0;
}

static int sign(struct ledger *l, const char *reason)
{
	struct chain_check c = {.reason = {reason, strlen(reason)}};

	if (grow_batch(l) != 0)
		return close_failed(l, ENOMEM);
	if (add_to_tree(l) != 0 || evidence_tree_root(l->tree, c.root) != 0)
		return close_failed(l, errno);
	put_check(l, &c);
	if (ledger_commit(l) != 0)
		return TG_EIO;
	l->head_n = l->mark.n;
	memcpy(l->head, l->mark.hash, sizeof l->head);
	return evidence_tree_publish(l->tree, &c) == 0 ? 0 : close_failed(l, errno);
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
	if (l->opts.keep_days > 0 && evidence_tree_sync(l->tree) != 0)
		return TG_EIO;
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

/* A chain keeps the name that it has. */
static void draw_origin(struct ledger *l)
{
	static const char prefix[] = "timeglas/";
	uint8_t drawn[16];

	if (*l->origin != '\0')
		return;
	random_fill(drawn, sizeof drawn);
	memcpy(l->origin, prefix, sizeof prefix);
	tg_hex_encode(drawn, sizeof drawn, l->origin + sizeof prefix - 1);
}

static int find_end(struct ledger *l)
{
	struct chain_end end;
	int rc = chain_end_find(l->fd, l->path, &l->mark, l->tree, &end);

	if (rc != 0)
		return rc;
	l->mark = end.mark;
	l->size = end.whole_bytes;
	l->first_n = end.first_n;
	l->first_ms = end.first_ms;
	if (*end.origin != '\0')
		memcpy(l->origin, end.origin, sizeof l->origin);
	draw_origin(l);
	if (l->mark.n == 0 || !evidence_tree_is_ahead(l->tree, l->origin, l->mark.n))
		return 0;
	log_error("audit-log",
		"the evidence file ends with line %llu, but more lines of this log were signed: an "
		"older copy was put in its place, or its end was cut off; bring the newest one "
		"back, or move it away with its rotated files",
		(unsigned long long)l->mark.n);
	return TG_EINVAL;
}

/* One process writes it, whatever keys others have. While it is rotated the lock of the tiles holds
 * (tiles.c). */
static int lock_file(int fd)
{
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	return errno == EWOULDBLOCK ? TG_ECLAIMED : TG_EIO;
}

int ledger_open(struct ledger *l)
{
	int rc, saved;

	if (l->fd >= 0)
		return 0;
	l->fd = open(l->path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (l->fd < 0)
		return TG_EIO;
	rc = lock_file(l->fd);
	if (rc == 0)
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
