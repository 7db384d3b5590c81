/*
 * reservation.h: the function idempotency_begin, which gives an Idempotency-Key to one request.
 */
#ifndef STORE_RESERVATION_H
#define STORE_RESERVATION_H

#include <stdint.h>
#include "store/query.h"

/* Texts are borrowed until reservation_send() returns. */
struct reservation {
	const char *key;  /* peer and key, hashed by hash_texts() */
	const char *what; /* what is asked for, hashed likewise */
	const char *id;   /* of the blob that the request is about, or would make */
	const char *old;  /* the id that it takes the place of, because that came to nothing; "" */
	int64_t keep_ms;  /* how long it is kept, beside a tombstone's time */
};

/** Returns the shard of a key's hash. */
unsigned reservation_shard(const char *key);
/** Sends it; the answer is c's (tg2_idempotency_begin in docs/store.md). Returns as query_send().
 */
int reservation_send(struct query *c, const struct reservation *r);

#endif
