/*
 * audit_forged.c: who has the store's password can put any event into it, and the recorder writes
 * down what it finds. What only the recorder can know, that a store was lost or another recorder
 * wrote, would explain away blobs that never ended. Runs in the timeglas command.
 */
#include <stdbool.h>
#include "cli/audit_forged.h"

static bool is_stores(const struct chain_record *r)
{
	static const char *const names[] = {"stored", "gone", "taking", "claimed", "aborted",
		"session-open", "session-end", "subject-erased", "subject-frozen",
		"subject-released", "attestation", CHAIN_REFUSED};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (chain_is(r->event, names[i]))
			return true;
	return false;
}

/* The recorder puts such a name there: server/recorder/entry.c. */
static bool has_own_name(const struct chain_record *r)
{
	struct chain_text rest = r->more, name, value;

	while (chain_is(r->event, "?") && chain_next_member(&rest, &name, &value))
		if (chain_is(name, "e") && chain_is_own_name(value))
			return true;
	return false;
}

const char *audit_forged(const struct chain_record *r)
{
	if ((r->id.p != NULL && chain_is_own_name(r->event)) || has_own_name(r))
		return "somebody wrote into the store what only the recorder can say; it counts "
		       "for nothing";
	if (r->id.p == NULL && is_stores(r))
		return "an event of the store has its id there, and this one has none";
	return NULL;
}
