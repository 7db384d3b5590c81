/*
 * store_name.h: names that uploaders choose for their blobs.
 */
#ifndef STORE_STORE_NAME_H
#define STORE_STORE_NAME_H

#include "store/types.h"

/**
 * @err   0; TG_ETAKEN: what stands under the name is not what d describes; TG_EINFLIGHT: an aborted
 *        upload of that name is still being erased, or it is not known yet; TG_ECOMPARE, TG_ESTORE,
 *        TG_EINTERNAL
 * @said  with 0: NULL: nothing stands there; otherwise the blob, which the same uploader has stored
 *        as the same; it may be gone since. Borrowed until return
 */
typedef void store_name_cb(void *ctx, int err, const struct store_blob *said);
/**
 * Asks what stands under a name. From then on the uploader knows of its blob: an abort because
 * nobody was told of it does not end it any more.
 *
 * @d           of the upload, with a name; borrowed until return
 * @size_bytes  of its content; STORE_SIZE_UNKNOWN
 *
 * Returns as types.h says; TG_ESESSION: d->session is no id.
 */
int store_name_find(struct store *s, const struct store_desc *d, uint64_t size_bytes,
	store_name_cb *cb, void *ctx);

#endif
