/* audit_tiles.h: a log's folder of tiles as the audit reads it (core/tile.h), with the newest
 * checkpoint in it. Nothing in it needs to be trusted: what is made of it is compared with roots
 * that were signed. */
#ifndef CLI_AUDIT_TILES_H
#define CLI_AUDIT_TILES_H

#include "cli/audit_proof.h"
#include "core/tile.h"

#define AUDIT_TILES_PATH 4096

struct audit_tiles {
	char checkpoint[AUDIT_TILES_PATH]; /* the path of the newest checkpoint */
	struct audit_proof *head;          /* the newest checkpoint, good or not */
	struct tile_reader reader;         /* of the size that it tells; of 0 when it is not good */
};

/**
 * Opens a folder.
 *
 * @keys  n_keys; any of them may have signed the newest checkpoint
 * @out   out: audit_tiles_free() frees it
 *
 * Returns 0, or an exit status after having said why not.
 */
int audit_tiles_open(struct sha256 *h, const char *dir, const struct receipt_key *keys,
	size_t n_keys, struct audit_tiles **out);

/** Closes it. NULL is harmless. */
void audit_tiles_free(struct audit_tiles *t);

/** Reads the right edge of the tree of the first `size` lines. Returns false when the tiles do not
 * have it. */
bool audit_tiles_edge(struct audit_tiles *t, uint64_t size, struct tree_edge *out);

/** Writes where the tiles of a log lie, whose file this is: AUDIT_LOG.tiles, also for a rotated
 * file AUDIT_LOG.NUMBER. Returns whether a checkpoint lies there. */
bool audit_tiles_beside(const char *log, char out[AUDIT_TILES_PATH]);

#endif
