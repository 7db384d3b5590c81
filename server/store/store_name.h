/*
 * store_name.h: names that uploaders choose for their blobs.
 */
#ifndef STORE_STORE_NAME_H
#define STORE_STORE_NAME_H

#include "store/types.h"

/* err 0 and said NULL: nothing stands under the name. said: it was stored before, by the same
 * uploader and as the same; it may be gone since. TG_ETAKEN: anything else stands there.
 * TG_EINFLIGHT: an aborted upload of that name is still being erased. */
typedef void store_name_cb(void *ctx, int err, const struct store_blob *said);
/**
 * Asks what stands under a name. An uploader that is told of its blob knows of it: the blob is not
 * aborted any more because nobody did.
 *
 * @d           as of the upload; with a name
 * @size_bytes  of its content; STORE_SIZE_UNKNOWN
 */
int store_name_find(struct store *s, const struct store_desc *d, uint64_t size_bytes,
	store_name_cb *cb, void *ctx);

#endif
