/* tile.c: see tile.h. It trusts no tile: what it reads is worth what the proof is that it ends in.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <timeglas/errors.h>
#include "core/tile.h"

unsigned tile_width(unsigned level, uint64_t index, uint64_t size)
{
	const unsigned shift = TILE_HEIGHT * level;
	const uint64_t hashes = shift < 64 ? size >> shift : 0, first = index * TILE_HASHES;

	if (index > UINT64_MAX / TILE_HASHES || hashes <= first)
		return 0;
	return hashes - first < TILE_HASHES ? (unsigned)(hashes - first) : TILE_HASHES;
}

char *tile_path(const struct tile_name *t, char out[TILE_PATH_MAX])
{
	char groups[32] = "";
	uint64_t rest = t->index;
	int n = snprintf(out, TILE_PATH_MAX, "tile/%u/", t->level);
	size_t at = sizeof groups - 1;

	/* three digits each, from the right; an x in front of all but the last */
	for (bool last = true; last || rest > 0; last = false) {
		char group[8];
		int len = snprintf(
			group, sizeof group, last ? "%03u" : "x%03u/", (unsigned)(rest % 1000));

		at -= (size_t)len;
		memcpy(groups + at, group, (size_t)len);
		rest /= 1000;
	}
	n += snprintf(out + n, TILE_PATH_MAX - (size_t)n, "%s", groups + at);
	if (t->width < TILE_HASHES)
		snprintf(out + n, TILE_PATH_MAX - (size_t)n, ".p/%u", t->width);
	return out;
}

void tile_reader_init(struct tile_reader *r, int dir, uint64_t size, struct sha256 *sha)
{
	r->dir = dir;
	r->size = size;
	r->sha = sha;
	for (unsigned i = 0; i < TILE_LEVELS; i++)
		r->kept[i].width = 0;
}

/* Reads a file of exactly so many bytes. */
static int read_file(int dir, const char *path, uint8_t *out, size_t bytes)
{
	int fd = openat(dir, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), saved;
	uint8_t more;
	ssize_t got;

	if (fd < 0)
		return errno == ENOENT ? TG_ENOENT : TG_EIO;
	got = read(fd, out, bytes);
	if (got >= 0 && (size_t)got == bytes)
		got = read(fd, &more, 1) == 0 ? got : -2;
	saved = errno;
	close(fd);
	errno = saved;
	return got == -1 ? TG_EIO : got >= 0 && (size_t)got == bytes ? 0 : TG_EINVAL;
}

/* A tile that has become full since the checkpoint may have lost its narrower files. */
static int read_tile(
	const struct tile_reader *r, const struct tile_name *t, uint8_t out[TILE_BYTES])
{
	const struct tile_name full = {t->level, t->index, TILE_HASHES};
	char path[TILE_PATH_MAX];
	int err = read_file(r->dir, tile_path(t, path), out, (size_t)t->width * TREE_HASH);

	if (err == TG_ENOENT && t->width < TILE_HASHES)
		err = read_file(r->dir, tile_path(&full, path), out, TILE_BYTES);
	return err;
}

static int keep_tile(struct tile_reader *r, const struct tile_name *t)
{
	int err = 0;

	if (r->kept[t->level].width == 0 || r->kept[t->level].index != t->index) {
		r->kept[t->level].width = 0;
		err = read_tile(r, t, r->kept[t->level].hash);
	}
	if (err == 0) {
		r->kept[t->level].index = t->index;
		r->kept[t->level].width = t->width;
	}
	return err;
}

int tile_read_node(void *ctx, unsigned level, uint64_t index, uint8_t out[TREE_HASH])
{
	struct tile_reader *r = ctx;
	const unsigned within = level % TILE_HEIGHT; /* levels above the tile's hashes */
	const uint64_t first = index << within; /* of the hashes below the node, in the level */
	struct tile_name t = {.level = level / TILE_HEIGHT, .index = first / TILE_HASHES};
	const unsigned at = (unsigned)(first % TILE_HASHES), n = 1u << within;
	struct tree_edge e = {0};
	int err;

	if (t.level >= TILE_LEVELS || index > UINT64_MAX >> level)
		return TG_EINVAL;
	t.width = tile_width(t.level, t.index, r->size);
	if (t.width < at + n)
		return TG_EINVAL;
	err = keep_tile(r, &t);
	if (err != 0)
		return err;
	for (unsigned i = 0; i < n; i++)
		tree_add(r->sha, &e, r->kept[t.level].hash + (size_t)(at + i) * TREE_HASH);
	tree_root(r->sha, &e, out);
	return 0;
}
