/* own_record.h: builds a record of something that the recorder itself has found out, as opposed to
 * an event of the store. docs/evidence.md lists them. */
#ifndef RECORDER_OWN_RECORD_H
#define RECORDER_OWN_RECORD_H

#include <stdint.h>

#include "recorder/ledger.h"

struct own_record {
	struct chain_buf more;
	char tag[33]; /* of the blob that it is about; "": of none. Free to be set after the begin
		       */
	char text[CHAIN_LINE_MAX];
};

/** Begins a record without members. */
void own_record_begin(struct own_record *o);
/** Adds a member to "more". Names and values are copied. */
void own_record_member(struct own_record *o, const char *name, const char *value);
/** Adds the position of a shard, under the shard's two hex digits. */
void own_record_position(struct own_record *o, unsigned shard, const struct chain_pos *p);
/** Adds the record to the ledger's batch, which copies it. event: its name. time_ms: the store's
 * time. Returns as ledger_add(). */
int own_record_add(
	const struct own_record *o, struct ledger *l, const char *event, int64_t time_ms);

#endif
