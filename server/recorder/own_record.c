/* own_record.c: see own_record.h. It decides nothing: the caller knows when a record is due. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "recorder/own_record.h"

void own_record_begin(struct own_record *o)
{
	o->more = (struct chain_buf){.p = o->text, .cap = sizeof o->text};
	o->tag[0] = '\0';
}

void own_record_member(struct own_record *o, const char *name, const char *value)
{
	chain_put_member(&o->more, (struct chain_text){name, strlen(name)},
		(struct chain_text){value, strlen(value)});
}

void own_record_position(struct own_record *o, unsigned shard, const struct chain_pos *p)
{
	char name[4], value[48];

	snprintf(name, sizeof name, "%02x", shard);
	snprintf(value, sizeof value, "%" PRIu64 "-%" PRIu64, p->ms, p->seq);
	own_record_member(o, name, value);
}

int own_record_add(const struct own_record *o, struct ledger *l, const char *event, int64_t time_ms)
{
	struct chain_record r = {.time_ms = time_ms,
		.event = {event, strlen(event)},
		CHAIN_NO_NUMBERS,
		.more = {o->text, o->more.n}};

	if (o->tag[0] != '\0')
		r.tag = (struct chain_text){o->tag, strlen(o->tag)};
	return ledger_add(l, &r);
}
