/* record_find.c: see record_find.h. Time and work do not depend on how old an event is: some
 * hundred lines of each file are looked at. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <timeglas/errors.h>

#include "recorder/record_find.h"
#include "recorder/tail.h"

#define ID ",\"id\":\""
/* Before an id stand the line's number, of 20 digits at most, and its time: its text begins within
 * so many bytes. */
#define ID_WITHIN 80u
#define FEW_BYTES 16384u /* so many are searched line by line */
/* A file that began so long before the event has all older lines behind it, also when the clocks of
 * store and server differ, or the event was recorded late. */
#define CLOCKS_MS 600000

struct wanted {
	unsigned shard;
	struct chain_pos pos;
};

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

/* Compares the line's id with the wanted one. Returns false when it is no event of that shard. */
static bool compare(const struct wanted *w, const char *line, size_t n, int *order)
{
	const char *id = memmem(line, n < ID_WITHIN ? n : ID_WITHIN, ID, sizeof ID - 1), *end;
	struct chain_pos pos;
	unsigned shard;

	if (id == NULL)
		return false;
	id += sizeof ID - 1;
	end = memchr(id, '"', (size_t)(line + n - id));
	if (end == NULL || chain_id_parse(id, (size_t)(end - id), &shard, &pos) != 0 ||
		shard != w->shard)
		return false;
	*order = chain_pos_cmp(&pos, &w->pos);
	return true;
}

/* Searches lines that begin in [*at, to) for one of the shard. Returns whether *at is one now. */
static bool next_of_shard(
	const struct wanted *w, const struct lines *f, size_t *at, size_t to, int *order)
{
	while (*at < to) {
		const size_t n = line_length(f, *at);

		if (compare(w, f->p + *at, n, order))
			return true;
		*at += n + 1;
	}
	return false;
}

static bool find_in(const struct wanted *w, const struct lines *f, size_t *at)
{
	size_t from = 0, to = f->n;
	int order = 0;

	while (to - from > FEW_BYTES) {
		const size_t middle = from + (to - from) / 2;

		*at = middle + line_length(f, middle) + 1;
		if (!next_of_shard(w, f, at, to, &order) || order > 0)
			to = middle + 1; /* a line that begins behind it is none that is wanted */
		else if (order == 0)
			return true;
		else
			from = *at + line_length(f, *at) + 1;
	}
	for (*at = from; next_of_shard(w, f, at, to, &order); *at += line_length(f, *at) + 1)
		if (order == 0)
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

/* Returns whether older files cannot have it. */
static bool began_before(const struct wanted *w, const struct lines *f)
{
	struct chain_line l;

	return f->n > 0 && chain_scan(f->p, line_length(f, 0), &l) == 0 && l.is_check &&
		l.check.time_ms + CLOCKS_MS < (int64_t)w->pos.ms;
}

static int search_file(const struct wanted *w, const char *path, char line[CHAIN_LINE_MAX],
	size_t *n, uint64_t *number, bool *last)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct lines f = {NULL, 0};
	struct stat st;
	void *p = MAP_FAILED;
	size_t at;
	int err = TG_ENOENT;

	if (fd < 0 || fstat(fd, &st) != 0)
		err = errno == ENOENT ? TG_ENOENT : TG_EIO;
	else if (st.st_size > 0) {
		p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
		if (p == MAP_FAILED)
			err = TG_EIO;
	}
	if (fd >= 0)
		close(fd);
	if (p == MAP_FAILED)
		return err;
	f.p = p;
	f.n = (size_t)st.st_size;
	while (f.n > 0 && f.p[f.n - 1] != '\n')
		f.n--;
	if (find_in(w, &f, &at))
		err = take(&f, at, line, n, number);
	*last = began_before(w, &f);
	munmap(p, (size_t)st.st_size);
	return err;
}

int record_find(const char *path, unsigned shard, const struct chain_pos *pos,
	char line[CHAIN_LINE_MAX], size_t *n, uint64_t *number)
{
	const struct wanted w = {shard, *pos};
	uint64_t before = UINT64_MAX;
	char old[PATH_MAX];
	bool last = false;
	int err = search_file(&w, path, line, n, number, &last);

	while (err == TG_ENOENT && !last && tail_older(path, before, old, sizeof old, &before))
		err = search_file(&w, old, line, n, number, &last);
	return err;
}
