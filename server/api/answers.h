/*
 * answers.h: blobs, sessions and receipts in JSON, as docs/openapi.yaml has them. The functions
 * write members, or an object, to w, and borrow all else until return. When memory runs out w
 * remembers it, and reply_json() answers 500.
 */
#ifndef API_ANSWERS_H
#define API_ANSWERS_H

#include <stdbool.h>

#include "base/jsonw.h"
#include "store/types.h"

/**
 * Writes the members that tell of a blob into the object that is open.
 *
 * @full  for its uploader and operators: also its tag; when it is gone, outcome and event. Of a
 *        take everybody is told the event
 */
void answers_blob(struct jsonw *w, const struct store_blob *b, bool full);
/** Writes the members that answer an upload into the object that is open. They are the same when
 * the upload is repeated, whether the blob is live or claimed by then. */
void answers_stored(struct jsonw *w, const struct store_blob *b);
/** Writes the members that tell of a session into the object that is open. */
void answers_session(struct jsonw *w, const struct store_session *s);
/** Writes the receipt of a blob's end, an object.
 *
 * @key  of the member that it becomes; NULL: it is the document itself, or an array's next item */
void answers_receipt(struct jsonw *w, const char *key, const struct store_blob *b);
/** A store_blob_cb for what ends a blob. ctx is the struct call: it is answered with the receipt,
 * or with the problem. */
void answers_on_receipt(void *ctx, int err, const struct store_blob *b);

#endif
