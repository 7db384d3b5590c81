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

#endif
