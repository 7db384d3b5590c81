/*
 * ledger.h: the evidence file: appending lines to the chain so that they survive, signing its head,
 * beginning a new file when one is full, and finding the thread again after whatever happened. It
 * knows no store. docs/evidence.md.
 */
#ifndef RECORDER_LEDGER_H
#define RECORDER_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "core/chain.h"

struct ledger_opts {
	const char *path;
	const uint8_t *secret; /* CHAIN_SECRET bytes; borrowed */
	uint64_t rotate_bytes; /* begin a new file behind that size */
	unsigned rotate_s;     /* or age */
	unsigned keep_days;    /* older files are removed; 0: never */
};

/* the reason of a file's first line; "start": a recorder's first in a file that was there */
#define LEDGER_BEGIN "begin"

/* How far the chain has come. */
struct ledger_mark {
	uint64_t n;               /* of the last line; 0: no line yet */
	uint8_t hash[CHAIN_HASH]; /* of the last line */
	struct chain_pos pos[CHAIN_SHARDS];
	char epoch[CHAIN_EPOCH + 1];
	uint64_t unsigned_lines; /* since the last checkpoint */
};

struct ledger;

/** ledger_new(o): o is copied. NULL without memory. */
struct ledger *ledger_new(const struct ledger_opts *o);
/** ledger_free(l): without a last checkpoint. */
void ledger_free(struct ledger *l);

/**
 * ledger_open(l): find the chain's end, cut off a line that was not written whole, and write a
 * checkpoint. Does nothing when it is open. Returns 0, TG_EIO (errno), TG_ENOMEM, or TG_EINVAL: the
 * file's end is not what a recorder writes; nothing was changed.
 */
int ledger_open(struct ledger *l);
bool ledger_is_open(const struct ledger *l);
/** ledger_mark(l): what is in the file, synced. Also of a closed ledger: as it was last known. */
const struct ledger_mark *ledger_mark(const struct ledger *l);
/** ledger_next(l): what will be in it with the batch. */
const struct ledger_mark *ledger_next(const struct ledger *l);

/** ledger_add(l, r): one more line into the batch; n and prev are filled in. The record's position
 * (if it has an id) and epoch (ledger_set_epoch) go with it. TG_ENOMEM: nothing was added. */
int ledger_add(struct ledger *l, struct chain_record *r);
/** ledger_set_epoch(l, epoch): from here on the outboxes are another store's: positions begin anew.
 */
void ledger_set_epoch(struct ledger *l, const char *epoch);
/** ledger_set_pos(l, shard, pos): that outbox goes on from there: its store has forgotten what came
 * behind. */
void ledger_set_pos(struct ledger *l, unsigned shard, const struct chain_pos *pos);
/** ledger_commit(l): write the batch and sync it. On failure (TG_EIO, errno) nothing of it counts,
 * and the ledger is closed. */
int ledger_commit(struct ledger *l);
/** ledger_drop(l): forget the batch. */
void ledger_drop(struct ledger *l);
/** ledger_checkpoint(l, reason): sign the head, when lines have come since the last one, or reason
 * is not "time". Begins a new file when it is time to. As ledger_commit(); a batch goes with it. */
int ledger_checkpoint(struct ledger *l, const char *reason);
/** ledger_head(l, hash): number and hash of the last checkpoint's line; 0: none. */
uint64_t ledger_head(const struct ledger *l, uint8_t hash[CHAIN_HASH]);

#endif
