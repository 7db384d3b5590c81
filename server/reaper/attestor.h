/*
 * attestor.h: looks once a second whether the store is volatile and never evicts, and whether it
 * takes writes; and, more rarely, whether it overwrites the memory that it frees. The answer goes
 * to the scoreboard; each change of it to the log and the evidence.
 */
#ifndef REAPER_ATTESTOR_H
#define REAPER_ATTESTOR_H

#include <stdbool.h>
#include "conf/conf.h"
#include "store/types.h"

struct attestor;

/** Returns an attestor that knows nothing yet, for attestor_free(); NULL without memory. conf: only
 * store_attested_by, which must outlive it, and store_wipe are used. embedded: the store is our own
 * Redis. */
struct attestor *attestor_new(const struct conf *conf, bool embedded);
/** Frees it, after the store connection, which may hold a callback. NULL is harmless. */
void attestor_free(struct attestor *a);
/** Says that the connection is lost. What was found is forgotten, as the next connection may be to
 * another Redis. */
void attestor_down(struct attestor *a);
/** Says that the store refused what makes it usable, and why. Uploads are refused until a look has
 * succeeded. */
void attestor_refused(struct attestor *a, const char *why);
/** Looks now. Does nothing while a look is under way. s: borrowed; the same in every call. */
void attestor_ask(struct attestor *a, struct store *s);

#endif
