/*
 * store_idempotency.h: uploads under an Idempotency-Key: begin, then put, commit and settle; or
 * drop.
 */
#ifndef STORE_STORE_IDEMPOTENCY_H
#define STORE_STORE_IDEMPOTENCY_H

#include "store/types.h"

/* err 0 and said NULL: go on. said: it was stored before. TG_EINFLIGHT: the first request is still
 * under way; TG_EREUSED: the key was used for another description. */
typedef void store_idempotency_cb(void *ctx, int err, const struct store_blob *said);
/**
 * Asks what became of the upload under this key, and reserves the key when there was none.
 *
 * @d   uploader, kind, issuer, session, to, subject and name are what it is compared by
 * @id  filled in before return: the id for the put, if it is to go on; who gives up before the
 *      answer drops it by this id
 */
int store_idempotency_begin(struct store *s, const struct store_desc *d, const char *key,
	char id[TOKEN_LEN + 1], store_idempotency_cb *cb, void *ctx);
/* err != 0: the blob of this id does not live, or is ended as soon as the store can be reached:
 * TG_EINFLIGHT, TG_ESTORE. */
typedef void store_idempotency_done_cb(void *ctx, int err);
/** store_idempotency_settle(s, uploader, key, id, cb, ctx): the upload was committed. Only when
 * this is answered may its uploader be told so. */
int store_idempotency_settle(struct store *s, const char *uploader, const char *key, const char *id,
	store_idempotency_done_cb *cb, void *ctx);
/** store_idempotency_drop(s, uploader, key, id): nothing came of it; the key is free again. */
void store_idempotency_drop(struct store *s, const char *uploader, const char *key, const char *id);

#endif
