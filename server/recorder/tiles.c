/*
 * tiles.c: see tiles.h. A tile is written under another name and renamed, so that who reads it
 * meanwhile (to make a proof, or to publish it) sees all of it or nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <timeglas/errors.h>

#include "core/fd.h"
#include "core/tile.h"
#include "recorder/tiles.h"

#define UNFINISHED "unfinished" /* a tile that is being written, in the folder */

struct level { /* the tile of a level that is not full */
	uint64_t index;
	unsigned width, saved; /* hashes; and those of the widest file */
	/* widths of which there may be a file: a call for each that there could be costs more than
	 * all else that a tile does */
	bool has_file[TILE_HASHES];
	uint8_t hash[TILE_BYTES];
};

struct tiles {
	int dir;
	struct sha256 *sha;
	uint64_t size; /* leaves */
	struct level level[TILE_LEVELS];
};

void tiles_free(struct tiles *t)
{
	if (t == NULL)
		return;
	if (t->dir >= 0)
		close(t->dir);
	free(t);
}

/* The right edge of the tree is made of the hashes of tiles that are not full: so a leaf costs no
 * more than its own hash and, once its tile is full, one for each node of the tile. */
static void make_edge(const struct tiles *t, struct tree_edge *out)
{
	out->size = t->size;
	for (unsigned level = 0; level < TILE_LEVELS; level++) {
		const struct level *l = &t->level[level];
		struct tree_edge part = {0};

		for (unsigned i = 0; i < l->width; i++)
			tree_add(t->sha, &part, l->hash + (size_t)i * TREE_HASH);
		for (unsigned i = 0; i < TILE_HEIGHT && TILE_HEIGHT * level + i < TREE_LEVELS; i++)
			memcpy(out->node[TILE_HEIGHT * level + i], part.node[i], TREE_HASH);
	}
}

uint64_t tiles_root(const struct tiles *t, uint8_t root[TREE_HASH])
{
	struct tree_edge edge;

	make_edge(t, &edge);
	tree_root(t->sha, &edge, root);
	return t->size;
}

/* Files -------------------------------------------------------------------- */

/* Makes the folders in which path stands. */
static int make_folders(int dir, const char *path)
{
	char part[TILE_PATH_MAX];

	for (const char *slash = strchr(path, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		snprintf(part, sizeof part, "%.*s", (int)(slash - path), path);
		if (mkdirat(dir, part, 0750) != 0 && errno != EEXIST)
			return TG_EIO;
	}
	return 0;
}

static int write_file(int dir, const void *p, size_t n)
{
	int fd = openat(
		dir, UNFINISHED, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);
	int err, saved;

	if (fd < 0)
		return TG_EIO;
	err = tg_write_all(fd, p, n);
	saved = errno;
	if (close(fd) != 0 && err == 0) {
		saved = errno;
		err = TG_EIO;
	}
	errno = saved;
	return err;
}

static int write_tile(const struct tiles *t, unsigned level)
{
	const struct level *l = &t->level[level];
	const struct tile_name name = {level, l->index, l->width};
	char path[TILE_PATH_MAX];

	tile_path(&name, path);
	if (write_file(t->dir, l->hash, (size_t)l->width * TREE_HASH) != 0)
		return TG_EIO;
	if (renameat(t->dir, UNFINISHED, t->dir, path) == 0)
		return 0;
	if (errno != ENOENT || make_folders(t->dir, path) != 0)
		return TG_EIO;
	return renameat(t->dir, UNFINISHED, t->dir, path) == 0 ? 0 : TG_EIO;
}

/* Removes the narrower files of a tile that is full: none is needed any more. */
static void remove_partial(struct tiles *t, unsigned level)
{
	struct tile_name name = {.level = level, .index = t->level[level].index};
	char path[TILE_PATH_MAX], *slash;

	for (name.width = 1; name.width < TILE_HASHES; name.width++)
		if (t->level[level].has_file[name.width])
			(void)unlinkat(t->dir, tile_path(&name, path), 0);
	memset(t->level[level].has_file, 0, sizeof t->level[level].has_file);
	name.width = 1;
	slash = strrchr(tile_path(&name, path), '/');
	*slash = '\0';
	(void)unlinkat(t->dir, path, AT_REMOVEDIR);
}

/* Opening ------------------------------------------------------------------ */

/* Reads the tile of a level that is not full. */
static int read_level(struct tiles *t, struct tile_reader *r, unsigned level)
{
	struct level *l = &t->level[level];
	const unsigned shift = TILE_HEIGHT * level;
	uint8_t node[TREE_HASH];
	int err = 0;

	l->index = (r->size >> shift) / TILE_HASHES;
	l->width = l->saved = tile_width(level, l->index, r->size);
	memset(l->has_file, l->saved > 0, sizeof l->has_file); /* who was before us made them */
	for (unsigned i = 0; i < l->width && err == 0; i++) {
		err = tile_read_node(r, shift, l->index * TILE_HASHES + i, node);
		memcpy(l->hash + (size_t)i * TREE_HASH, node, TREE_HASH);
	}
	return err;
}

static int read_edge(struct tiles *t, uint64_t size)
{
	struct tile_reader *r = malloc(sizeof *r);
	int err = 0;

	if (r == NULL)
		return TG_ENOMEM;
	tile_reader_init(r, t->dir, size, t->sha);
	for (unsigned level = 0; level < TILE_LEVELS && err == 0; level++)
		err = read_level(t, r, level);
	t->size = size;
	free(r);
	return err;
}

int tiles_open(const char *path, uint64_t size, struct sha256 *sha, struct tiles **out)
{
	struct tiles *t = calloc(1, sizeof *t);
	int err, saved;

	if (t == NULL)
		return TG_ENOMEM;
	t->sha = sha;
	t->dir = -1;
	if (mkdir(path, 0750) == 0 || errno == EEXIST)
		t->dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (t->dir < 0)
		err = TG_EIO;
	else if (flock(t->dir, LOCK_EX | LOCK_NB) != 0)
		err = errno == EWOULDBLOCK ? TG_ECLAIMED : TG_EIO;
	else
		err = read_edge(t, size);
	if (err != 0) {
		saved = errno;
		tiles_free(t);
		errno = saved;
		return err;
	}
	*out = t;
	return 0;
}

/* Growing ------------------------------------------------------------------ */

/* Adds a hash to a level; a tile that is full by that goes to the disk, and its root is added to
 * the level above. */
static int add(struct tiles *t, const uint8_t leaf[TREE_HASH])
{
	uint8_t node[TREE_HASH];

	memcpy(node, leaf, TREE_HASH);
	for (unsigned level = 0; level < TILE_LEVELS; level++) {
		struct level *l = &t->level[level];
		struct tree_edge e = {0};

		memcpy(l->hash + (size_t)l->width * TREE_HASH, node, TREE_HASH);
		if (++l->width < TILE_HASHES)
			return 0;
		if (write_tile(t, level) != 0)
			return TG_EIO;
		if (l->saved > 0)
			remove_partial(t, level);
		for (unsigned i = 0; i < TILE_HASHES; i++)
			tree_add(t->sha, &e, l->hash + (size_t)i * TREE_HASH);
		tree_root(t->sha, &e, node);
		l->index++;
		l->width = l->saved = 0;
	}
	return 0;
}

int tiles_add(struct tiles *t, const char *line, size_t n)
{
	uint8_t leaf[TREE_HASH];

	tree_leaf(t->sha, line, n, leaf);
	t->size++;
	return add(t, leaf);
}

int tiles_save(struct tiles *t)
{
	for (unsigned level = 0; level < TILE_LEVELS; level++) {
		struct level *l = &t->level[level];

		if (l->width == l->saved)
			continue;
		if (write_tile(t, level) != 0)
			return TG_EIO;
		l->saved = l->width;
		l->has_file[l->width] = true;
	}
	return 0;
}

int tiles_sync(struct tiles *t)
{
	return syncfs(t->dir) == 0 ? 0 : TG_EIO;
}

int tiles_publish(struct tiles *t, const char *name, const char *text, size_t n)
{
	if (write_file(t->dir, text, n) != 0)
		return TG_EIO;
	return renameat(t->dir, UNFINISHED, t->dir, name) == 0 ? 0 : TG_EIO;
}

bool tiles_in_place(const struct tiles *t, const char *path)
{
	struct stat a, b;

	return fstat(t->dir, &a) == 0 && stat(path, &b) == 0 && a.st_dev == b.st_dev &&
		a.st_ino == b.st_ino;
}
