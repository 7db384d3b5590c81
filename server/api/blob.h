/* blob.h: looking at a blob, and erasing it. Each function is a call_kind's start (call.h). */
#ifndef API_BLOB_H
#define API_BLOB_H

#include "api/call.h"

/** GET /v1/blobs/{id}: tells of a blob without consuming it. Peers that may not know of it get the
 * same 404 as for a blob that never was. */
void blob_stat(struct call *c);
/** DELETE /v1/blobs/{id}: erases a blob, for its uploader or an operator, and answers with the
 * receipt. */
void blob_erase(struct call *c);

#endif
