/*
 * tail.c: see tail.h. A checkpoint is written every second in which there were events, so little
 * has to be read behind the last one.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <timeglas/errors.h>

#include "core/num.h"
#include "recorder/tail.h"

#define DAY_S 86400
/* The first line's number has so many digits in a rotated file's name, so that names sort by age.
 */
#define ROTATED_DIGITS 12

/* Returns where the line begins that ends before `end`. */
static size_t line_start(const char *p, size_t end)
{
	const char *lf = end > 0 ? memrchr(p, '\n', end) : NULL;

	return lf != NULL ? (size_t)(lf - p) + 1 : 0;
}

/* The lines after a store-lost record belong to another store, whose epoch the record says. */
static void follow_store_lost(struct evidence_mark *m, const struct chain_record *r)
{
	struct chain_text rest = r->more, name, value;

	if (!chain_next_member(&rest, &name, &value) || !chain_is(name, "epoch") ||
		value.n != CHAIN_EPOCH)
		return;
	memset(m->pos, 0, sizeof m->pos);
	memcpy(m->epoch, value.p, CHAIN_EPOCH);
	m->epoch[CHAIN_EPOCH] = '\0';
}

/* Takes a line into the mark. */
static void follow(struct evidence_mark *m, const char *line, size_t n, const struct chain_line *l)
{
	unsigned shard;
	struct chain_pos pos;

	m->n = l->is_check ? l->check.n : l->record.n;
	chain_hash(line, n, m->hash);
	if (l->is_check) {
		memcpy(m->pos, l->check.pos, sizeof m->pos);
		memcpy(m->epoch, l->check.epoch, sizeof m->epoch);
		m->unsigned_lines = 0;
		return;
	}
	m->unsigned_lines++;
	if (chain_is_own(&l->record, CHAIN_STORE_LOST))
		follow_store_lost(m, &l->record);
	else if (chain_is_own(&l->record, CHAIN_STORE_REVERTED))
		chain_more_positions(&l->record, m->pos);
	if (l->record.id.p != NULL &&
		chain_id_parse(l->record.id.p, l->record.id.n, &shard, &pos) == 0)
		m->pos[shard] = pos;
}

/* Searches backwards for the last checkpoint. Returns 0 and where it begins, or TG_EINVAL. */
static int find_check(const char *p, size_t end, size_t *at)
{
	struct chain_line l;

	while (end > 0) {
		size_t from = line_start(p, end - 1);

		if (chain_scan(p + from, end - 1 - from, &l) != 0)
			return TG_EINVAL;
		if (l.is_check) {
			*at = from;
			return chain_check_verify(p + from, &l.check) == 0 ? 0 : TG_EINVAL;
		}
		end = from;
	}
	return TG_EINVAL;
}

static void tree_of(const struct chain_check *c, struct tail_tree *out)
{
	*out = (struct tail_tree){.size = c->n - 1};
	if (c->origin.p == NULL)
		return;
	memcpy(out->root, c->root, sizeof out->root);
	memcpy(out->origin, c->origin.p, c->origin.n);
}

/* Reads from the last checkpoint on. */
static int read_lines(const char *p, struct tail *t)
{
	size_t at = 0, end = (size_t)t->whole_bytes;
	struct chain_line l;
	const char *lf = memchr(p, '\n', end);

	if (chain_scan(p, (size_t)(lf - p), &l) != 0 || !l.is_check || find_check(p, end, &at) != 0)
		return TG_EINVAL;
	t->first_n = l.check.n;
	t->first_ms = l.check.time_ms;
	tree_of(&l.check, &t->first_tree);
	while (at < end) {
		size_t n;
		const struct evidence_mark was = t->mark;

		lf = memchr(p + at, '\n', end - at);
		n = (size_t)(lf - p) - at;
		if (chain_scan(p + at, n, &l) != 0)
			return TG_EINVAL;
		follow(&t->mark, p + at, n, &l);
		if (was.n != 0 &&
			(t->mark.n != was.n + 1 ||
				memcmp(l.is_check ? l.check.prev : l.record.prev, was.hash,
					CHAIN_HASH) != 0))
			return TG_EINVAL;
		if (l.is_check) {
			t->head_n = t->mark.n;
			memcpy(t->head, t->mark.hash, sizeof t->head);
			t->head_at = at;
			tree_of(&l.check, &t->head_tree);
		}
		at += n + 1;
	}
	return 0;
}

int tail_read(int fd, struct tail *t)
{
	struct stat st;
	char *p;
	int rc;

	*t = (struct tail){0};
	if (fstat(fd, &st) != 0)
		return TG_EIO;
	if (st.st_size == 0)
		return 0;
	p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED)
		return TG_EIO;
	t->whole_bytes = line_start(p, (size_t)st.st_size);
	t->torn_bytes = (uint64_t)st.st_size - t->whole_bytes;
	/* A write that fails leaves at most one line without its end. */
	if (t->torn_bytes > CHAIN_LINE_MAX + 1)
		rc = TG_EINVAL;
	else
		rc = t->whole_bytes > 0 ? read_lines(p, t) : 0;
	munmap(p, (size_t)st.st_size);
	return rc;
}

/* Rotated files ------------------------------------------------------------ */

int tail_rotated(const char *path, uint64_t first_n, char *out, size_t cap)
{
	int n = snprintf(out, cap, "%s.%0*" PRIu64, path, ROTATED_DIGITS, first_n);

	return n >= 0 && (size_t)n < cap ? 0 : TG_EINVAL;
}

void tail_folder(const char *path, char *out, size_t cap)
{
	const char *slash = strrchr(path, '/');
	const bool is_root = slash == path;

	if (slash == NULL)
		snprintf(out, cap, ".");
	else
		snprintf(out, cap, "%.*s", is_root ? 1 : (int)(slash - path), path);
}

static const char *file_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

/* Returns whether name is that of a rotated file of base, and sets its first line's number. */
static bool is_rotated(const char *name, const char *base, uint64_t *first_n)
{
	size_t n = strlen(base), len = strlen(name);

	return strncmp(name, base, n) == 0 && name[n] == '.' && len >= n + 1 + ROTATED_DIGITS &&
		tg_num_u64(name + n + 1, len - n - 1, UINT64_MAX, first_n) == 0;
}

bool tail_older(const char *path, uint64_t before, char *out, size_t cap, uint64_t *first_n)
{
	char dir[4096];
	const char *const base = file_name(path);
	uint64_t best = 0, n;
	struct dirent *e;
	DIR *d;

	tail_folder(path, dir, sizeof dir);
	d = opendir(dir);
	while (d != NULL && (e = readdir(d)) != NULL)
		if (is_rotated(e->d_name, base, &n) && n > best && n < before)
			best = n;
	if (d != NULL)
		closedir(d);
	*first_n = best;
	return best > 0 && tail_rotated(path, best, out, cap) == 0;
}

bool tail_newest(const char *path, char *out, size_t cap)
{
	uint64_t n;

	return tail_older(path, UINT64_MAX, out, cap, &n);
}

static int by_number(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

size_t tail_all_rotated(const char *path, uint64_t **first)
{
	char dir[4096];
	const char *const base = file_name(path);
	size_t n = 0, cap = 0;
	uint64_t number, *grown;
	struct dirent *e;
	DIR *d;

	*first = NULL;
	tail_folder(path, dir, sizeof dir);
	d = opendir(dir);
	while (d != NULL && (e = readdir(d)) != NULL) {
		if (!is_rotated(e->d_name, base, &number))
			continue;
		if (n == cap) {
			cap = cap < 64 ? 64 : 2 * cap;
			if ((grown = realloc(*first, cap * sizeof **first)) == NULL)
				break;
			*first = grown;
		}
		(*first)[n++] = number;
	}
	if (d != NULL)
		closedir(d);
	if (n > 1)
		qsort(*first, n, sizeof **first, by_number);
	return n;
}

unsigned tail_expire(const char *path, unsigned keep_days)
{
	char dir[4096];
	const char *const base = file_name(path);
	unsigned removed = 0;
	time_t before = time(NULL) - (time_t)keep_days * DAY_S;
	struct dirent *e;
	struct stat st;
	uint64_t n;
	DIR *d;

	tail_folder(path, dir, sizeof dir);
	d = keep_days > 0 ? opendir(dir) : NULL;
	while (d != NULL && (e = readdir(d)) != NULL)
		if (is_rotated(e->d_name, base, &n) &&
			fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
			S_ISREG(st.st_mode) && st.st_mtime < before &&
			unlinkat(dirfd(d), e->d_name, 0) == 0)
			removed++;
	if (d != NULL)
		closedir(d);
	return removed;
}
