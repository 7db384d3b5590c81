/*
 * evidence_tree.h: the Merkle tree that belongs to an evidence file: its leaves are the lines of
 * all files of the chain. It takes the tree up where the tiles and a checkpoint agree, and makes it
 * again of the lines where they do not. It signs nothing, and decides nothing about the file.
 */
#ifndef RECORDER_EVIDENCE_TREE_H
#define RECORDER_EVIDENCE_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/chain.h"
#include "core/sha256.h"
#include "recorder/tail.h"

struct evidence_tree;

/** Returns the tree of the evidence file at that path, not open, for evidence_tree_free(); NULL
 * without memory. */
struct evidence_tree *evidence_tree_new(const char *log_path);
/** NULL is harmless. */
void evidence_tree_free(struct evidence_tree *t);

/** Begins the tree of a new chain. Returns 0, TG_EIO (errno) or TG_ENOMEM. */
int evidence_tree_begin(struct evidence_tree *t);
/**
 * Opens the tree of all lines up to a file's last one.
 *
 * @fd    of the file; stays the caller's
 * @tail  what tail_read() said of it
 *
 * Returns 0; TG_ENOENT: neither tiles nor lines tell what stood before this file, so that there is
 * no tree; TG_EINVAL: the lines are others than the checkpoints say; TG_EIO (errno); TG_ENOMEM.
 */
int evidence_tree_open(struct evidence_tree *t, int fd, const struct tail *tail);
/** Returns whether it is open and has n leaves. */
bool evidence_tree_has(const struct evidence_tree *t, uint64_t n);
/**
 * Returns whether its folder has a note over n lines or more of the log of that name. A file of n
 * lines is then an older one than was signed: a note is over the lines before its own.
 */
bool evidence_tree_is_ahead(const struct evidence_tree *t, const char *origin, uint64_t n);
/** Closes it; its tiles stay. */
void evidence_tree_close(struct evidence_tree *t);

/** Adds n bytes of whole lines, each with its LF. Returns 0 or TG_EIO (errno): close it then. */
int evidence_tree_add(struct evidence_tree *t, const char *lines, size_t n);
/** Writes the tiles out and fills in the root: for the checkpoint that follows. Returns 0 or TG_EIO
 * (errno); ESTALE: the folder was moved or removed, and the tree is closed. */
int evidence_tree_root(struct evidence_tree *t, uint8_t root[CHAIN_ROOT]);
/** Publishes the note of a checkpoint that was written. Returns 0 or TG_EIO (errno). */
int evidence_tree_publish(struct evidence_tree *t, const struct chain_check *c);
/** Waits until the tiles are on the disk: before lines are removed. Returns 0 or TG_EIO (errno). */
int evidence_tree_sync(struct evidence_tree *t);

#endif
