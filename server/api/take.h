/*
 * take.h: a blob's bytes on their way to a reader. Each function is a route's start (call.h): it
 * takes c over, and frees it with the request.
 */
#ifndef API_TAKE_H
#define API_TAKE_H

#include "api/call.h"

/** POST /v1/blobs/{id}/take: the at-most-once read. */
void take_start(struct call *c);
/** GET and HEAD /v1/claims/{claim}: a claimant's read, as often as it likes. */
void take_claimed(struct call *c);

#endif
