/*
 * store_idempotency.h: uploads under an Idempotency-Key. An upload begins here, and then puts,
 * commits and settles; or drops its key. Texts are borrowed until the call returns.
 */
#ifndef STORE_STORE_IDEMPOTENCY_H
#define STORE_STORE_IDEMPOTENCY_H

#include "store/types.h"

/**
 * @err   0, TG_EINFLIGHT (an earlier upload under the key is still under way), TG_EREUSED (the key
 *        was used for another description), TG_ECOMPARE, TG_ESTORE, TG_ENOMEM or TG_EINTERNAL
 * @said  with 0: NULL: the key is reserved, and the upload goes on; otherwise the blob that an
 *        earlier upload has stored, borrowed until return
 */
typedef void store_idempotency_cb(void *ctx, int err, const struct store_blob *said);
/**
 * Asks what became of the upload under this key, and reserves the key when there was none.
 *
 * @d   uploader, kind, issuer, session, to, subject and name are what it is compared by
 * @id  filled in before return: the id for the put, if the upload goes on. Who leaves before the
 *      answer calls store_idempotency_drop() with it
 *
 * Returns as types.h says; TG_ESESSION: d->session is no id.
 */
int store_idempotency_begin(struct store *s, const struct store_desc *d, const char *key,
	char id[TOKEN_LEN + 1], store_idempotency_cb *cb, void *ctx);

/** err: 0; TG_EINFLIGHT (another upload has the key by now), TG_ESTORE or TG_EINTERNAL: the blob
 * does not live, or is ended as soon as the store can be reached. */
typedef void store_idempotency_done_cb(void *ctx, int err);
/** The upload was committed. Its uploader may be told so only when this was answered 0; the blob is
 * ended otherwise, also when the caller has left, or when an error is returned. */
int store_idempotency_settle(struct store *s, const char *uploader, const char *key, const char *id,
	store_idempotency_done_cb *cb, void *ctx);
/** Nothing came of the upload: the key is free again. Where this is lost, the next upload under the
 * key finds that out. */
void store_idempotency_drop(struct store *s, const char *uploader, const char *key, const char *id);

#endif
