/*
 * attestor.h: looks once a second whether the store is volatile and never evicts, and whether it
 * takes writes. The answer goes to the scoreboard; each change of it to the log and the evidence.
 */
#ifndef REAPER_ATTESTOR_H
#define REAPER_ATTESTOR_H

#include <stdbool.h>
#include "conf/conf.h"
#include "store/types.h"

struct attestor;

/** Returns an attestor that knows nothing yet, for attestor_free(); NULL without memory. conf: only
 * store_attested_by is used, which must outlive it. embedded: the store is our own Redis. */
struct attestor *attestor_new(const struct conf *conf, bool embedded);
/** Frees it. The store connection must be freed before: it may hold a callback. */
void attestor_free(struct attestor *a);
/** The connection is lost. The next one may be to another Redis, so what was found counts no more.
 */
void attestor_down(struct attestor *a);
/** The store does not let itself be made usable, and said why: nothing is stored until a look has
 * succeeded. */
void attestor_refused(struct attestor *a, const char *why);
/** Looks now; does nothing while a look is under way. s: borrowed, always the same. */
void attestor_ask(struct attestor *a, struct store *s);

#endif
