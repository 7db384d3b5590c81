/*
 * gone_check.h: finds ends that never were. An honest "gone" is written in the same step that makes
 * the blob a tombstone, and says the blob's id, of which its tag is a hash. So the store is asked
 * about each id of a batch: one that can still be seen has not ended, and whoever wrote the event
 * has forged it. A "gone" without an id, or with one that has another tag, is as false.
 *
 * The store that is asked is the one that may be forged: who can also forge the record is not
 * found.
 */
#ifndef RECORDER_GONE_CHECK_H
#define RECORDER_GONE_CHECK_H

#include "recorder/entry.h"
#include "recorder/ledger.h"
#include "store/types.h"

struct gone_check;

/** Returns a check of the batches of a ledger, for gone_check_free(); NULL without memory. Both are
 * borrowed and outlive it. */
struct gone_check *gone_check_new(struct store *s, struct ledger *l);
/** Frees it. NULL is harmless. */
void gone_check_free(struct gone_check *g);
/**
 * Takes in an event whose entry was added to the ledger's batch. Those of one shard come behind
 * each other. Asks the store whenever a shard is complete; answers come before those to what is
 * sent behind gone_check_end(), and add a CHAIN_FALSE_GONE to the batch for each end that is none.
 *
 * Returns 0, TG_ENOMEM, or as ledger_add().
 */
int gone_check_event(struct gone_check *g, const struct outbox_event *e, const struct entry *x);
/** Says that the batch has all its events. */
void gone_check_end(struct gone_check *g);
/** Forgets the batch: no answer adds to it any more. */
void gone_check_drop(struct gone_check *g);

#endif
