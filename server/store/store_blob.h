/*
 * store_blob.h: looking at a blob, and erasing it: calls that move no bytes.
 */
#ifndef STORE_STORE_BLOB_H
#define STORE_STORE_BLOB_H

#include "store/types.h"

/** store_blob_stat(s, id, cb, ctx): TG_ENOENT, or 0 with the blob in any state but staged. Who may
 * know is the caller's to decide. */
int store_blob_stat(struct store *s, const char *id, store_blob_cb *cb, void *ctx);
/** store_blob_erase(s, id, uploader, cb, ctx): uploader NULL: an operator asks. 0: erased, with
 * event and gone_at_ms; TG_EGONE: it had ended, and blob tells how; TG_ENOENT: not there, or
 * another uploader's. */
int store_blob_erase(
	struct store *s, const char *id, const char *uploader, store_blob_cb *cb, void *ctx);

/* err 0: it may still be delivered. TG_EGONE: not any more. TG_ESTORE: that is not known. */
typedef void store_blob_wanted_cb(void *ctx, int err);
/**
 * Asks whether what a take has read may still be delivered: nobody has erased the blob since, nor
 * ended the session that it is bound to.
 *
 * @session  that the blob names; "" none
 * @bound    whether it ends with that session
 */
int store_blob_wanted(struct store *s, const char *id, const char *session, bool bound,
	store_blob_wanted_cb *cb, void *ctx);

#endif
