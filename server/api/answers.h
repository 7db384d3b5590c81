/* answers.h: members of answers, as docs/openapi.yaml has them. Each function writes into an object
 * that the caller has opened. */
#ifndef API_ANSWERS_H
#define API_ANSWERS_H

#include <stdbool.h>

#include "base/jsonw.h"
#include "store/types.h"

/** What a blob is. full: for its uploader and operators, who are also told how the evidence calls
 * it, and of one that is gone outcome and event. */
void answers_blob(struct jsonw *w, const struct store_blob *b, bool full);
/** What an upload is answered, also when it is asked for again while the blob is claimed. */
void answers_stored(struct jsonw *w, const struct store_blob *b);
/** What a session is. */
void answers_session(struct jsonw *w, const struct store_session *s);
/** Opens an object, under key or (NULL) as an array's next item, and writes the receipt of a blob's
 * end into it. */
void answers_receipt(struct jsonw *w, const char *key, const struct store_blob *b);
/** A store_blob_cb: ctx, a struct call, ended a blob, and is answered with the receipt, or with the
 * problem. */
void answers_on_receipt(void *ctx, int err, const struct store_blob *b);

#endif
