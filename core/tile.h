/*
 * tile.h: the hash tree of a log as files of tiles (C2SP tlog-tiles): where a tile stands, and
 * which hashes it holds. A tile has up to 256 hashes of one level; the level above in tiles has one
 * hash for each full tile. The recorder writes them (recorder/tiles.h); who makes proofs reads them
 * here.
 */
#ifndef TG_CORE_TILE_H
#define TG_CORE_TILE_H

#include <stddef.h>
#include <stdint.h>
#include "core/tree.h"

#define TILE_HASHES 256u
#define TILE_BYTES (TILE_HASHES * TREE_HASH)
#define TILE_HEIGHT 8u /* levels of the tree between two levels of tiles */
#define TILE_LEVELS 8u /* of tiles, for any tree */
#define TILE_PATH_MAX 64u

struct tile_name {
	unsigned level; /* less than TILE_LEVELS */
	uint64_t index; /* of the tile within its level */
	unsigned width; /* hashes, 1 to TILE_HASHES */
};

/** Returns how many hashes a tile has in a tree of `size` leaves: 0 to TILE_HASHES. */
unsigned tile_width(unsigned level, uint64_t index, uint64_t size);

/** Writes where a tile stands, below the log's folder. Returns out. */
char *tile_path(const struct tile_name *t, char out[TILE_PATH_MAX]);

/* Reads nodes of a tree out of its tiles. The last tile of each level is kept. */
struct tile_reader {
	int dir;       /* the log's folder, open; the caller's */
	uint64_t size; /* of the tree, in leaves: a checkpoint was made of it */
	struct sha256 *sha;
	struct {
		uint64_t index;
		unsigned width; /* 0: none is kept */
		uint8_t hash[TILE_BYTES];
	} kept[TILE_LEVELS];
};

/** Begins to read: no tile is kept. @dir, @sha: borrowed until the last read. */
void tile_reader_init(struct tile_reader *r, int dir, uint64_t size, struct sha256 *sha);

/**
 * Reads a node; a tree_read, whose ctx is the struct tile_reader.
 *
 * Returns 0; TG_ENOENT: there is no such tile; TG_EINVAL: its file has another size, or the node is
 * behind the tree; TG_EIO (errno).
 */
int tile_read_node(void *ctx, unsigned level, uint64_t index, uint8_t out[TREE_HASH]);

#endif
