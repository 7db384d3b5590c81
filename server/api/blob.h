/* blob.h: looking at a blob, and erasing it. Each function is a route's start. */
#ifndef API_BLOB_H
#define API_BLOB_H

#include "api/call.h"

/** GET /v1/blobs/{id} */
void blob_stat(struct call *c);
/** DELETE /v1/blobs/{id} */
void blob_erase(struct call *c);

#endif
