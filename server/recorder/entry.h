/* entry.h: from an outbox event (docs/store.md) to a record of the evidence (docs/evidence.md).
 * Pure. */
#ifndef RECORDER_ENTRY_H
#define RECORDER_ENTRY_H

#include "core/chain.h"
#include "store/outbox.h"

struct entry { /* the record's texts point into it and into the event */
	struct chain_record record;
	char id[CHAIN_ID_MAX + 1];
	char more[CHAIN_LINE_MAX];
};

/**
 * entry_fill(x, e): n and prev are left to the ledger. A field that is not known, or not of the
 * form that it should have, is carried as it is in "more"; an event that is too large for a line
 * becomes an "unreadable" one with its length and hash.
 */
void entry_fill(struct entry *x, const struct outbox_event *e);
/** entry_unreadable(x, e): the latter. */
void entry_unreadable(struct entry *x, const struct outbox_event *e);

#endif
