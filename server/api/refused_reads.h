/*
 * refused_reads.h: refused reads on their way into the evidence: they are counted when they are
 * answered (attempts.h), and told to the store behind that, the first of a kind within
 * REFUSED_READS_MS, the rest each minute. Private to server/api.
 */
#ifndef API_REFUSED_READS_H
#define API_REFUSED_READS_H

#include <stdbool.h>

#include "api/api_int.h"
#include "api/call.h"
#include "core/refused.h"
#include "store/types.h"

#define REFUSED_READS_MS 100
#define REFUSED_READS_END_MS 500 /* a worker's end waits no longer for what is to be told */

/** Makes what a->refused is. Returns NULL without memory. */
struct refused_reads *refused_reads_new(struct api *a);
/** Frees it, and forgets what was not told. NULL is fine. */
void refused_reads_free(struct refused_reads *r);
/**
 * Notes a read that is refused.
 *
 * @id    a blob's id, or what begins with one (a claim's token)
 * @why   REFUSED_NONE: nothing is noted
 */
void refused_reads_note(
	struct refused_reads *r, const char *id, const char *peer, enum refused why);
/** The same of what the store has answered to a call. b: of the answer, or NULL. */
void refused_reads_of(struct call *c, int err, const struct store_blob *b);
/** Tells of everything now. Returns whether that is done, or there is no use in waiting for it: the
 * store is away, or it takes too long. To be called until then. */
bool refused_reads_end(struct refused_reads *r);

#endif
