/*
 * reservation.h: the function idempotency_begin, which gives an Idempotency-Key to one request.
 */
#ifndef STORE_RESERVATION_H
#define STORE_RESERVATION_H

#include <stdint.h>
#include "store/query.h"

struct reservation {
	const char *key, *what; /* peer and key, and what is asked for: hash_texts() */
	const char *id, *old;   /* of the blob; of one that came to nothing, or "" */
	int64_t keep_ms;        /* beyond a tombstone's time */
};
/** reservation_shard(key): the shard that the hash of a key names. */
unsigned reservation_shard(const char *key);
/** reservation_send(c, r): its answer is c's. As query_send(). */
int reservation_send(struct query *c, const struct reservation *r);

#endif
