/*
 * desc.h: what is made of a description: id, shard, and the texts that Redis holds.
 */
#ifndef STORE_DESC_H
#define STORE_DESC_H

#include "store/types.h"

/** Makes the id of what d describes, with d's name, or one that is drawn. Returns 0, or TG_ESESSION
 * when d->session is no id. */
int desc_id(const struct store_desc *d, char out[TOKEN_LEN + 1]);
/** Returns the shard of a subject. hash: the subject's, in hex; aborts where it is not. */
unsigned desc_subject_shard(const char *hash);
/** Writes field d of a record: what events may show. */
void desc_event(const struct store_desc *d, char out[STORE_DESC_MAX]);
/** Writes field p of a record: what events do not show. */
void desc_private(const struct store_desc *d, char out[STORE_DESC_MAX]);

#define DESC_FINGERPRINT_LEN 64
/**
 * Writes field f of a record: what is kept of a description under a chosen name, to compare a
 * repeated upload with. It is hashed with the name as a key, so it tells nothing to who has not got
 * that.
 *
 * @d           with a name
 * @size_bytes  of the content; STORE_SIZE_UNKNOWN where it is not known yet
 */
void desc_fingerprint(
	char out[DESC_FINGERPRINT_LEN + 1], const struct store_desc *d, uint64_t size_bytes);

#endif
