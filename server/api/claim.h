/* claim.h: claim and ack of a blob. Each function is the entry of a route (`start` in struct
 * call_kind, call.h). */
#ifndef API_CLAIM_H
#define API_CLAIM_H

#include "api/call.h"

/** POST /v1/blobs/{id}/claim: makes the caller the blob's one reader, for lease_s seconds of the
 * content; answers with the claim's token. */
void claim_start(struct call *c);
/** POST /v1/claims/{claim}/ack: ends the claim and the blob, with the outcome of the content;
 * answers with the receipt. */
void claim_ack(struct call *c);

#endif
