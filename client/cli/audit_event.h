/* audit_event.h: a record that has passed the chain's checks, with what earlier lines say of it. */
#ifndef CLI_AUDIT_EVENT_H
#define CLI_AUDIT_EVENT_H

#include "cli/audit_chain.h"

struct audit_event {
	const struct chain_record *record;
	const struct finding_place *at;
	unsigned epoch; /* a number, from 1 on, for the store that it is about; 0: not known */
	unsigned lost;  /* of a store-lost record: the lost store's number; 0: not known */
	unsigned shard; /* CHAIN_SHARDS: the recorder itself made the event */
	struct chain_pos pos;
};

/* Which earlier events a store has forgotten. */
struct audit_event_loss {
	bool all;       /* it came back empty; otherwise as it had been earlier */
	unsigned epoch; /* the store's; 0: not known, so it may be any */
	struct chain_pos from[CHAIN_SHARDS]; /* not all: events behind these positions */
};

/** Reads the loss from a store-lost or store-reverted record. */
struct audit_event_loss audit_event_loss(const struct audit_event *e);

/** Returns whether the loss has the event of this store and shard at this position. */
bool audit_event_forgotten(const struct audit_event_loss *l, unsigned epoch, unsigned shard,
	const struct chain_pos *pos);

#endif
