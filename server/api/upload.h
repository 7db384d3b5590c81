/* upload.h: POST /v1/blobs, from the head to the answer. */
#ifndef API_UPLOAD_H
#define API_UPLOAD_H

#include "api/call.h"

/** POST /v1/blobs: a call_kind's start (call.h) of CALL_STREAM: c's head is complete, its content
 * is still to come. Takes c over. */
void upload_start(struct call *c);

#endif
