/* audit_event.h: a record as the checks hand it on, with what the lines before it say of it. */
#ifndef CLI_AUDIT_EVENT_H
#define CLI_AUDIT_EVENT_H

#include "cli/audit_chain.h"

struct audit_event {
	const struct chain_record *record;
	const struct finding_place *at;
	unsigned epoch; /* a number for the store that it is about; 0: not known */
	unsigned lost;  /* store-lost: for the store that is no more; 0: not known */
	unsigned shard; /* CHAIN_SHARDS: the recorder's own */
	struct chain_pos pos;
};

#endif
