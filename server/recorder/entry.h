/*
 * entry.h: makes a record of the evidence (docs/evidence.md) of an event of the outbox
 * (docs/store.md). Each field of the event goes into the record, and nothing else does. Pure.
 */
#ifndef RECORDER_ENTRY_H
#define RECORDER_ENTRY_H

#include <stdbool.h>

#include "core/chain.h"
#include "store/outbox.h"

struct entry {
	/* its texts point into this entry and into the event, which must outlive it */
	struct chain_record record;
	struct chain_text blob; /* its id, where the event has one: no evidence */
	bool forged;            /* it has the name of an event that only the recorder makes */
	char id[CHAIN_ID_MAX + 1];
	char more[CHAIN_LINE_MAX];
};

/**
 * Fills in all of the record but n and prev, which are the ledger's. The field b, a blob's id, does
 * not go into it. A field that is not known, or
 * does not have its form, goes into "more" as it is; so does the name of an event that only the
 * recorder makes, and the event is "?". An event that is too large for a line becomes
 * an "unreadable" record.
 *
 * @e  borrowed; outlives x, which points into it
 */
void entry_fill(struct entry *x, const struct outbox_event *e);
/** Makes an "unreadable" record, with the event's length and hash. Arguments as above. */
void entry_unreadable(struct entry *x, const struct outbox_event *e);

#endif
