/* claim.h: claiming a blob, and being done with it. Each function is a route's start. */
#ifndef API_CLAIM_H
#define API_CLAIM_H

#include "api/call.h"

/** POST /v1/blobs/{id}/claim */
void claim_start(struct call *c);
/** POST /v1/claims/{claim}/ack */
void claim_ack(struct call *c);

#endif
