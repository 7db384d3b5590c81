/*
 * evidence_tree.c: see evidence_tree.h. Tiles are written behind the lines that they are made of,
 * and are not synced until the file is rotated. So after a crash they may be older than the file,
 * or damaged: the root that a checkpoint signs tells, and what is missing is made of the lines.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <timeglas/errors.h>

#include "base/heartbeat.h"
#include "base/log.h"
#include "core/chain_note.h"
#include "core/checkpoint.h"
#include "core/note.h"
#include "recorder/evidence_tree.h"
#include "recorder/tiles.h"

#define NOTE_BYTES 16384 /* with the lines of many witnesses */
/* A large log takes minutes; who sends no heartbeat for one is killed, and begins anew. */
#define HEARTBEAT_LINES 4096u

struct evidence_tree {
	char *log_path, *folder;
	struct sha256 *sha;
	struct tiles *tiles; /* NULL: closed */
};

struct evidence_tree *evidence_tree_new(const char *log_path)
{
	struct evidence_tree *t = calloc(1, sizeof *t);

	if (t == NULL)
		return NULL;
	t->log_path = strdup(log_path);
	t->sha = sha256_new();
	if (t->log_path == NULL || t->sha == NULL ||
		asprintf(&t->folder, "%s.tiles", log_path) < 0) {
		t->folder = NULL;
		evidence_tree_free(t);
		return NULL;
	}
	return t;
}

void evidence_tree_close(struct evidence_tree *t)
{
	tiles_free(t->tiles);
	t->tiles = NULL;
}

void evidence_tree_free(struct evidence_tree *t)
{
	if (t == NULL)
		return;
	evidence_tree_close(t);
	sha256_free(t->sha);
	free(t->folder);
	free(t->log_path);
	free(t);
}

bool evidence_tree_has(const struct evidence_tree *t, uint64_t n)
{
	uint8_t root[TREE_HASH];

	return t->tiles != NULL && tiles_root(t->tiles, root) == n;
}

/* Reads a note's size, if it is of that log. The note may be of a key that was replaced since, so
 * its signature is not asked: who can write into the folder can do worse. */
static bool note_size(
	const struct evidence_tree *t, const char *name, const char *origin, uint64_t *n)
{
	char path[PATH_MAX], text[NOTE_BYTES];
	struct checkpoint c;
	struct note note;
	ssize_t got = -1;
	int fd;

	if ((size_t)snprintf(path, sizeof path, "%s/%s", t->folder, name) >= sizeof path)
		return false;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		got = read(fd, text, sizeof text);
		close(fd);
	}
	if (got <= 0 || note_scan(text, (size_t)got, &note) != 0 ||
		checkpoint_scan(note.text.p, note.text.n, &c) != 0 || strcmp(c.origin, origin) != 0)
		return false;
	*n = c.size;
	return true;
}

bool evidence_tree_is_ahead(const struct evidence_tree *t, const char *origin, uint64_t n)
{
	static const char *const names[] = {"checkpoint", "cosigned"};
	uint64_t size;

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (note_size(t, names[i], origin, &size) && size >= n)
			return true;
	return false;
}

int evidence_tree_begin(struct evidence_tree *t)
{
	evidence_tree_close(t);
	return tiles_open(t->folder, 0, t->sha, &t->tiles);
}

/* Growing ------------------------------------------------------------------ */

int evidence_tree_add(struct evidence_tree *t, const char *lines, size_t n)
{
	const char *const end = lines + n;

	while (lines < end) {
		const char *lf = memchr(lines, '\n', (size_t)(end - lines));

		if (tiles_add(t->tiles, lines, (size_t)(lf - lines)) != 0)
			return TG_EIO;
		lines = lf + 1;
	}
	return 0;
}

int evidence_tree_root(struct evidence_tree *t, uint8_t root[CHAIN_ROOT])
{
	if (!tiles_in_place(t->tiles, t->folder)) {
		log_error("audit-log", "another program has moved or removed the folder %s",
			t->folder);
		evidence_tree_close(t); /* it is made again where it belongs */
		errno = ESTALE;
		return TG_EIO;
	}
	tiles_root(t->tiles, root);
	return tiles_save(t->tiles);
}

int evidence_tree_publish(struct evidence_tree *t, const struct chain_check *c)
{
	char note[CHAIN_NOTE_MAX];

	return tiles_publish(t->tiles, "checkpoint", note, chain_note_text(t->sha, c, note));
}

int evidence_tree_sync(struct evidence_tree *t)
{
	return tiles_sync(t->tiles);
}

/* Opening ------------------------------------------------------------------ */

/* Takes up the tree that a checkpoint tells of. Returns 0; TG_ENOENT: its tiles do not say the
 * same; TG_EIO, TG_ENOMEM. */
static int take_up(struct evidence_tree *t, const struct tail_tree *said)
{
	uint8_t root[TREE_HASH];
	int err;

	evidence_tree_close(t);
	if (*said->origin == '\0')
		return TG_ENOENT;
	err = tiles_open(t->folder, said->size, t->sha, &t->tiles);
	if (err == TG_EINVAL)
		return TG_ENOENT;
	if (err != 0)
		return err;
	tiles_root(t->tiles, root);
	if (memcmp(root, said->root, sizeof root) == 0)
		return 0;
	evidence_tree_close(t);
	return TG_ENOENT;
}

/* Adds lines whose checkpoints say what the root was before them. */
static int add_checked(struct evidence_tree *t, const char *p, size_t n)
{
	const char *const end = p + n;
	struct chain_line l;
	unsigned lines = 0;

	while (p < end) {
		const char *lf = memchr(p, '\n', (size_t)(end - p));
		uint8_t root[TREE_HASH];

		if (lf == NULL || chain_scan(p, (size_t)(lf - p), &l) != 0)
			return TG_EINVAL;
		if (l.is_check && l.check.origin.p != NULL &&
			(tiles_root(t->tiles, root) != l.check.n - 1 ||
				memcmp(root, l.check.root, sizeof root) != 0))
			return TG_EINVAL;
		if (tiles_add(t->tiles, p, (size_t)(lf - p)) != 0)
			return TG_EIO;
		if (++lines % HEARTBEAT_LINES == 0)
			heartbeat_send();
		p = lf + 1;
	}
	return 0;
}

static int add_file(struct evidence_tree *t, int fd, uint64_t from, uint64_t to)
{
	char *p;
	int err, saved;

	if (from >= to)
		return 0;
	p = mmap(NULL, (size_t)to, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED)
		return TG_EIO;
	err = add_checked(t, p + from, (size_t)(to - from));
	saved = errno;
	munmap(p, (size_t)to);
	errno = saved;
	return err;
}

static int add_rotated(struct evidence_tree *t, uint64_t first_n)
{
	char path[PATH_MAX];
	struct stat st;
	int err = tail_rotated(t->log_path, first_n, path, sizeof path), fd, saved;

	if (err != 0)
		return err;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return TG_EIO;
	err = fstat(fd, &st) != 0 ? TG_EIO : add_file(t, fd, 0, (uint64_t)st.st_size);
	saved = errno;
	close(fd);
	errno = saved;
	return err;
}

/* Makes the tree of all rotated files before the one whose first line has the number before; the
 * oldest of them has line 1. TG_ENOENT: they do not go back so far. */
static int begin_again(struct evidence_tree *t, uint64_t before)
{
	char path[PATH_MAX];
	uint64_t first, size = 0, next;
	uint8_t root[TREE_HASH];
	int err = evidence_tree_begin(t);

	while (err == 0 && (size = tiles_root(t->tiles, root)) + 1 < before) {
		/* the oldest file that begins behind what the tree has */
		for (next = 0, first = before;
			tail_older(t->log_path, first, path, sizeof path, &first) && first > size;)
			next = first;
		err = next == size + 1 ? add_rotated(t, next) : TG_ENOENT;
	}
	return err;
}

int evidence_tree_open(struct evidence_tree *t, int fd, const struct tail *tail)
{
	uint64_t from = tail->head_at;
	int err = take_up(t, &tail->head_tree);

	if (err == TG_ENOENT) {
		from = 0;
		err = take_up(t, &tail->first_tree);
	}
	if (err == TG_ENOENT) {
		log_warn("audit-log",
			"the tree in %s is not that of the evidence; it is made again", t->folder);
		err = begin_again(t, tail->first_n);
	}
	if (err == 0)
		err = add_file(t, fd, from, tail->whole_bytes);
	if (err == 0 && !evidence_tree_has(t, tail->mark.n))
		err = TG_EINVAL;
	if (err != 0)
		evidence_tree_close(t);
	return err;
}
