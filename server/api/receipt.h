/* receipt.h: the proof that an event is recorded (docs/evidence.md: Proofs). */
#ifndef API_RECEIPT_H
#define API_RECEIPT_H

#include "api/call.h"

/** GET /v1/receipts/{event}: starts a call. It answers with a C2SP tlog-proof. */
void receipt_show(struct call *c);

#endif
