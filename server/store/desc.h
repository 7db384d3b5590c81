/*
 * desc.h: what is made of a description: id, shard, and the texts that Redis holds.
 */
#ifndef STORE_DESC_H
#define STORE_DESC_H

#include "store/types.h"

/** desc_id(d, out): the id of what d describes: the name is d's, or drawn. Returns 0, or
 * TG_ESESSION when its session's id is none. */
int desc_id(const struct store_desc *d, char out[TOKEN_LEN + 1]);
/** desc_subject_shard(hash): the shard that a subject's hash names. */
unsigned desc_subject_shard(const char *hash);
/** desc_event(d, out): field d of a record: what events may show. */
void desc_event(const struct store_desc *d, char out[STORE_DESC_MAX]);
/** desc_private(d, out): field p: the rest. */
void desc_private(const struct store_desc *d, char out[STORE_DESC_MAX]);

#define DESC_FINGERPRINT_LEN 64
/** desc_fingerprint(out, d, size_bytes): field f: what is kept of a description under a chosen
 * name, hashed with that name as a key, so that it tells nothing to who has not got it. size_bytes:
 * STORE_SIZE_UNKNOWN where it is not known yet. */
void desc_fingerprint(
	char out[DESC_FINGERPRINT_LEN + 1], const struct store_desc *d, uint64_t size_bytes);

#endif
