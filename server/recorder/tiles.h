/*
 * tiles.h: the Merkle tree over the evidence's lines, as tiles in a folder beside the file
 * (core/tile.h). It is made of lines that are synced, and can be made of them again: so a tile
 * needs no sync of its own while its lines are there. After any error: free it, and begin again at
 * the beginning of the evidence file.
 */
#ifndef RECORDER_TILES_H
#define RECORDER_TILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "core/tree.h"

struct tiles;

/**
 * Opens the folder, or makes it, and reads the right edge of the tree.
 *
 * @path  of the folder
 * @size  leaves from which it goes on: 0, or as many as tiles_save() was called with. What stands
 *        behind them is written anew
 * @sha   borrowed until tiles_free()
 *
 * Returns 0, and *out is the caller's until tiles_free(); TG_ENOENT, TG_EINVAL: the tiles of that
 * size are not there, or not whole; TG_EIO (errno); TG_ENOMEM.
 */
int tiles_open(const char *path, uint64_t size, struct sha256 *sha, struct tiles **out);
/** Closes it. NULL is harmless. */
void tiles_free(struct tiles *t);
/** Adds the leaf of a line of n bytes, without its LF. Returns 0 or TG_EIO (errno): a tile that is
 * full could not be written. */
int tiles_add(struct tiles *t, const char *line, size_t n);
/** Returns how many leaves there are, and fills in the root. */
uint64_t tiles_root(const struct tiles *t, uint8_t root[TREE_HASH]);
/** Writes the tiles that are not full, so that proofs in the tree of this size can be read from now
 * on. Returns 0 or TG_EIO (errno). */
int tiles_save(struct tiles *t);
/**
 * Makes a small file of n bytes in the folder, or replaces it; whoever reads it sees one or the
 * other.
 *
 * @name  without a slash
 *
 * Returns 0 or TG_EIO (errno).
 */
int tiles_publish(struct tiles *t, const char *name, const char *text, size_t n);
/** Returns whether the folder is still the one that stands at path. */
bool tiles_in_place(const struct tiles *t, const char *path);
/** Waits until all that was written is on the disk: before lines are removed. Returns 0 or TG_EIO
 * (errno). */
int tiles_sync(struct tiles *t);

#endif
