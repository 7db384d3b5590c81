/*
 * ledger.h: the evidence file. It appends lines to the chain so that they survive a crash, keeps
 * the tree over them, signs both, begins a new file when one is full, and goes on with the chain of
 * the file that it finds. It knows no store. docs/evidence.md.
 */
#ifndef RECORDER_LEDGER_H
#define RECORDER_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "core/chain.h"
#include "recorder/evidence_mark.h"

struct ledger_opts {
	const char *path;      /* of the file; copied */
	const uint8_t *secret; /* CHAIN_SECRET bytes of the signing key; borrowed, outlives it */
	uint64_t rotate_bytes; /* a file of that size or more is rotated */
	unsigned rotate_s;     /* so is one of that age in seconds or more */
	const char *origin;    /* of a chain that begins; NULL: it is drawn. Copied */
	unsigned keep_days;    /* rotated files older than that are removed; 0: never */
};

/* the reason of a file's first line */
#define LEDGER_BEGIN "begin"

struct ledger;

/** Returns a ledger whose file is not open, for ledger_free(); NULL without memory. */
struct ledger *ledger_new(const struct ledger_opts *o);
/** Closes the file as it is: no checkpoint is written, and the batch is dropped. NULL is harmless.
 */
void ledger_free(struct ledger *l);

/**
 * Opens the file, or makes it; finds the chain's end, cuts off a last line that was not written
 * whole, and writes a checkpoint. Does nothing when it is open.
 *
 * Returns 0, TG_EIO (errno), TG_ENOMEM; TG_EINVAL: the file is not what a recorder writes; or
 * TG_ENOENT: the tree is lost, as its tiles are not there, nor all lines. Nothing was changed then.
 */
int ledger_open(struct ledger *l);
/** Returns whether the file is open. Every failure closes it. */
bool ledger_is_open(const struct ledger *l);
/** Returns how far the file goes; all of that is synced. When it is closed: how far it went. */
const struct evidence_mark *ledger_mark(const struct ledger *l);
/** Returns how far the file will go with the batch. */
const struct evidence_mark *ledger_next(const struct ledger *l);

/**
 * Adds a line to the batch.
 *
 * @r  n and prev are filled in; when it has an id, its position goes into ledger_next()
 *
 * Returns 0, TG_ENOMEM, or TG_EINVAL when it is too long for a line; then nothing was added.
 */
int ledger_add(struct ledger *l, struct chain_record *r);
/** Says that the lines which follow in the batch belong to another store: all positions begin anew.
 * epoch is copied, cut to CHAIN_EPOCH characters. ledger_drop() takes it back. */
void ledger_set_epoch(struct ledger *l, const char *epoch);
/** Says that the next event of that shard follows pos, as its store has forgotten what came after.
 */
void ledger_set_pos(struct ledger *l, unsigned shard, const struct chain_pos *pos);
/** Writes the batch and syncs it. Returns 0; or TG_EIO (errno): the batch is dropped, and the file
 * is cut back and closed. */
int ledger_commit(struct ledger *l);
/** Forgets the batch. */
void ledger_drop(struct ledger *l);
/**
 * Signs the chain's head, and the tree over all lines before. Does nothing when the reason is
 * "time" and there are no new lines since the last checkpoint. Begins a new file when it is time
 * to. A batch goes into the file with it.
 *
 * Returns as ledger_commit(), or as ledger_open() behind a rotation.
 */
int ledger_checkpoint(struct ledger *l, const char *reason);
/** Returns whether three quarters of a second have passed since a checkpoint was last asked for, or
 * the file was opened. */
bool ledger_checkpoint_is_due(const struct ledger *l);
/** Returns the log's name; "" before it is known. It lives as long as the ledger. */
const char *ledger_origin(const struct ledger *l);
/** Returns the number of the last checkpoint's line, and fills in its hash; 0: there is none. */
uint64_t ledger_head(const struct ledger *l, uint8_t hash[CHAIN_HASH]);

#endif
