/*
 * record_find.c: see record_find.h. Who asks for an event may choose any: so the work does not
 * depend on how old it is, in which shard, whether it is there, or what others have stored. A
 * shard's own events tell on which side of them an id stands, and so does a checkpoint, which names
 * the last event of each shard; there is one for each second with events.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <timeglas/errors.h>

#include "recorder/record_find.h"
#include "recorder/tail.h"

#define NUMBER "{\"n\":"
#define TIME ",\"time\":\"2026-11-29T12:00:00.000Z\""
#define ID ",\"id\":\""
#define CHECKPOINT ",\"checkpoint\":\""
#define FEW_BYTES 16384u /* so many are searched line by line */

struct wanted {
	unsigned shard;
	char digits[3]; /* of the shard */
	struct chain_pos pos;
	/* A checkpoint that knows of no event of the shard so late stands before it, unless it is
	 * so much later: then it is of another store, or of one that went back. */
	int64_t later_ms;
	bool doubtful; /* another later_ms could have led elsewhere */
};

/* Tried one after the other: an event is recorded within a second, if the clocks of store and
 * server agree and the recorder was not away. */
static const int64_t LATER_MS[] = {1000, 0, 600000, INT64_MAX};

struct lines { /* whole lines of a file */
	const char *p;
	size_t n;
};

/* Returns the length of the line at `at`. */
static size_t line_length(const struct lines *f, size_t at)
{
	const char *lf = memchr(f->p + at, '\n', f->n - at);

	return (size_t)(lf - f->p) - at;
}

/* Returns what stands behind a text that follows a line's number and time, or NULL when another one
 * does. */
static const char *behind(const char *line, size_t n, const char *text, size_t len)
{
	size_t at = sizeof NUMBER - 1;

	while (at < n && line[at] >= '0' && line[at] <= '9')
		at++;
	at += sizeof TIME - 1;
	return at + len < n && memcmp(line + at, text, len) == 0 ? line + at + len : NULL;
}

/* Compares the line's id with the wanted one. Returns false when it is no event of that shard. */
static bool compare(const struct wanted *w, const char *line, size_t n, int *order)
{
	const char *id = behind(line, n, ID, sizeof ID - 1), *end;
	struct chain_pos pos;
	unsigned shard;

	if (id == NULL || line + n - id < 2 || memcmp(id, w->digits, 2) != 0)
		return false;
	end = memchr(id, '"', (size_t)(line + n - id));
	if (end == NULL || chain_id_parse(id, (size_t)(end - id), &shard, &pos) != 0)
		return false;
	*order = chain_pos_cmp(&pos, &w->pos);
	return true;
}

/* The same of a checkpoint: before it or behind it? Returns false when the line is none. */
static bool compare_check(struct wanted *w, const char *line, size_t n, int *order)
{
	const int64_t at_ms = w->pos.ms < INT64_MAX ? (int64_t)w->pos.ms : INT64_MAX;
	struct chain_line l;

	if (behind(line, n, CHECKPOINT, sizeof CHECKPOINT - 1) == NULL ||
		chain_scan(line, n, &l) != 0 || !l.is_check)
		return false;
	*order = 1;
	if (chain_pos_cmp(&l.check.pos[w->shard], &w->pos) < 0) {
		w->doubtful = w->doubtful || l.check.time_ms > at_ms;
		*order = l.check.time_ms > at_ms && l.check.time_ms - at_ms > w->later_ms ? 1 : -1;
	}
	return true;
}

/* Searches lines that begin in [*at, to) for one that tells where the event is. Returns whether *at
 * is one now. */
static bool next_that_tells(
	struct wanted *w, const struct lines *f, size_t *at, size_t to, int *order)
{
	while (*at < to) {
		const size_t n = line_length(f, *at);

		if (compare(w, f->p + *at, n, order) || compare_check(w, f->p + *at, n, order))
			return true;
		*at += n + 1;
	}
	return false;
}

static bool find_in(struct wanted *w, const struct lines *f, size_t *at)
{
	size_t from = 0, to = f->n;
	int order = 0;

	while (from < to && to - from > FEW_BYTES) { /* `to` may lie within the line before from */
		const size_t middle = from + (to - from) / 2;

		*at = middle + line_length(f, middle) + 1;
		if (!next_that_tells(w, f, at, to, &order) || order > 0)
			to = middle + 1; /* a line that begins behind it is none that is wanted */
		else if (order == 0)
			return true;
		else
			from = *at + line_length(f, *at) + 1;
	}
	for (*at = from; *at < to; *at += line_length(f, *at) + 1)
		if (compare(w, f->p + *at, line_length(f, *at), &order) && order == 0)
			return true;
	return false;
}

/* Copies the line out. Returns 0, or TG_ENOENT when it is none. */
static int take(
	const struct lines *f, size_t at, char line[CHAIN_LINE_MAX], size_t *n, uint64_t *number)
{
	struct chain_line l;

	*n = line_length(f, at);
	if (chain_scan(f->p + at, *n, &l) != 0 || l.is_check)
		return TG_ENOENT;
	memcpy(line, f->p + at, *n);
	*number = l.record.n;
	return 0;
}

/* Files -------------------------------------------------------------------- */

/* Maps the whole lines of a file. Returns 0, with f->n 0 where there are none, TG_ENOENT or TG_EIO;
 * *mapped for unmap(). */
static int map(const char *path, struct lines *f, size_t *mapped)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	void *p = NULL;
	int err = 0;

	*f = (struct lines){NULL, 0};
	*mapped = 0;
	if (fd < 0 || fstat(fd, &st) != 0)
		err = errno == ENOENT ? TG_ENOENT : TG_EIO;
	else if (st.st_size > 0 &&
		(p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0)) == MAP_FAILED)
		err = TG_EIO;
	if (fd >= 0)
		close(fd);
	if (err != 0 || p == NULL)
		return err;
	*mapped = (size_t)st.st_size;
	*f = (struct lines){p, (size_t)st.st_size};
	while (f->n > 0 && f->p[f->n - 1] != '\n')
		f->n--;
	return 0;
}

static void unmap(const struct lines *f, size_t mapped)
{
	if (mapped > 0)
		munmap((void *)(uintptr_t)f->p, mapped);
}

/* Whether the event can stand in the file or in one behind it, as its first line tells. */
static bool is_behind_begin(struct wanted *w, const char *path)
{
	struct lines f;
	size_t mapped;
	int order = 1;

	if (map(path, &f, &mapped) == 0 && f.n > 0 &&
		!compare_check(w, f.p, line_length(&f, 0), &order))
		order = 1;
	unmap(&f, mapped);
	return order < 0;
}

static int search_file(
	struct wanted *w, const char *path, char line[CHAIN_LINE_MAX], size_t *n, uint64_t *number)
{
	struct lines f;
	size_t mapped, at;
	int err = map(path, &f, &mapped);

	if (err == 0)
		err = find_in(w, &f, &at) ? take(&f, at, line, n, number) : TG_ENOENT;
	unmap(&f, mapped);
	return err;
}

/* Returns the name of the file that can have the event: the last one behind whose first line it
 * stands; "": none. */
static const char *file_of(struct wanted *w, const char *path, char old[PATH_MAX])
{
	uint64_t *first = NULL;
	size_t from = 0, to;

	if (is_behind_begin(w, path))
		return path;
	to = tail_all_rotated(path, &first);
	while (from < to) {
		const size_t middle = from + (to - from) / 2;

		if (tail_rotated(path, first[middle], old, PATH_MAX) == 0 &&
			is_behind_begin(w, old))
			from = middle + 1;
		else
			to = middle;
	}
	*old = '\0';
	if (from > 0)
		(void)tail_rotated(path, first[from - 1], old, PATH_MAX);
	free(first);
	return old;
}

int record_find(const char *path, unsigned shard, const struct chain_pos *pos,
	char line[CHAIN_LINE_MAX], size_t *n, uint64_t *number)
{
	struct wanted w = {.shard = shard, .pos = *pos};
	char old[PATH_MAX];
	const char *file;
	int err = TG_ENOENT;

	snprintf(w.digits, sizeof w.digits, "%02x", shard);
	for (size_t i = 0; i < sizeof LATER_MS / sizeof *LATER_MS; i++) {
		w.later_ms = LATER_MS[i];
		w.doubtful = false;
		file = file_of(&w, path, old);
		err = *file != '\0' ? search_file(&w, file, line, n, number) : TG_ENOENT;
		if (err != TG_ENOENT || !w.doubtful)
			break;
	}
	return err;
}
