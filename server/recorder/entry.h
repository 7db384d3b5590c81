/*
 * entry.h: makes a record of the evidence (docs/evidence.md) of an event of the outbox
 * (docs/store.md). It drops nothing of the event and makes nothing up. Pure.
 */
#ifndef RECORDER_ENTRY_H
#define RECORDER_ENTRY_H

#include "core/chain.h"
#include "store/outbox.h"

struct entry {
	/* its texts point into this entry and into the event, which must outlive it */
	struct chain_record record;
	char id[CHAIN_ID_MAX + 1];
	char more[CHAIN_LINE_MAX];
};

/**
 * Fills in all of the record but n and prev, which are the ledger's. A field that is not known, or
 * not of the form that it should have, goes into "more" as it is; an event that is too large for a
 * line becomes an "unreadable" one.
 */
void entry_fill(struct entry *x, const struct outbox_event *e);
/** Makes an "unreadable" record, with the event's length and hash. */
void entry_unreadable(struct entry *x, const struct outbox_event *e);

#endif
