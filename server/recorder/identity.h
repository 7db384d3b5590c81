/*
 * identity.h: notices a store that became another one while its process went on: somebody flushed
 * it, or wrote its epoch. What a restart, or a failover to another Redis, brings is no such thing.
 *
 *   the epoch differs on one connection            → replaced: a connection leads to one process
 *   it differs on the next one, the run id does not → replaced
 *   both differ, or the run id cannot be seen      → another store (reconcile.h tells)
 *
 * It remembers in this process only.
 */
#ifndef RECORDER_IDENTITY_H
#define RECORDER_IDENTITY_H

#include <stdbool.h>

#include "core/chain.h"
#include "store/store_run.h"
#include "store/types.h"

struct identity {                          /* zeroed at first; identity_*() alone change it */
	char epoch[CHAIN_EPOCH + 1];       /* as seen last; "": none yet */
	char epoch_run[STORE_RUN_MAX + 1]; /* of the process that showed it; "": not known */
	char run[STORE_RUN_MAX + 1];       /* of this connection's process; "": not known */
	bool same_connection;              /* the epoch was seen on this one */
	bool replaced;                     /* and that is not recorded yet */
};

/** Says that there is a new connection, and asks it for its run id. id outlives the store. */
void identity_connected(struct identity *id, struct store *s);
/** Says that the store showed this epoch. */
void identity_saw(struct identity *id, const char *epoch);
/** Returns whether the store was replaced since identity_recorded(). */
bool identity_replaced(const struct identity *id);
/** Says that this is recorded. */
void identity_recorded(struct identity *id);
/** Announces to the other processes and in the log that the store was replaced, with what to do. */
void identity_announce(void);

#endif
