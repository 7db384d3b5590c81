/*
 * store_blob.h: looking at a blob, and erasing it: calls that move no bytes. Texts are borrowed
 * until the call returns; one that is no id is answered TG_ENOENT by return.
 */
#ifndef STORE_STORE_BLOB_H
#define STORE_STORE_BLOB_H

#include "store/types.h"

/** Tells of a blob that can be seen or has ended. Whoever calls decides who may know. cb: 0;
 * TG_ENOENT, TG_ECOMPARE, TG_ESTORE, TG_EINTERNAL. */
int store_blob_stat(struct store *s, const char *id, store_blob_cb *cb, void *ctx);
/** The same for one who is reading the blob: TG_EFROZEN where its subject has been frozen. */
int store_blob_reading(struct store *s, const char *id, store_blob_cb *cb, void *ctx);
/**
 * Erases a blob. It is erased, too, when the caller leaves before the answer.
 *
 * @uploader  whose it must be; NULL: an operator asks
 * @cb        0: erased, and blob says when, by which event; TG_EGONE: it had ended, and blob says
 *            how; TG_ENOENT: it is not there, or another uploader's; TG_ESTORE, TG_EINTERNAL
 */
int store_blob_erase(
	struct store *s, const char *id, const char *uploader, store_blob_cb *cb, void *ctx);

/* Whose end, or freeze, also ends a blob's delivery. */
struct store_blob_ties {
	char session[TOKEN_LEN + 1];         /* "" none */
	bool bound;                          /* it ends with that session */
	char subject[STORE_SUBJECT_LEN + 1]; /* hashed; "" none */
};

/** err: 0: it may still be delivered; TG_EGONE: not any more; another: that is not known. */
typedef void store_blob_wanted_cb(void *ctx, int err);
/**
 * Asks whether what a take has read may still be delivered: nobody has erased the blob since, nor
 * all of its subject, nor frozen that, nor ended the session that it is bound to.
 *
 * @ties  the blob's
 */
int store_blob_wanted(struct store *s, const char *id, const struct store_blob_ties *ties,
	store_blob_wanted_cb *cb, void *ctx);

#endif
