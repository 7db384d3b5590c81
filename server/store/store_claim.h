/*
 * store_claim.h: becoming a blob's one reader until a lease ends, and being done with it. The
 * reading itself is store_read.h's.
 */
#ifndef STORE_STORE_CLAIM_H
#define STORE_STORE_CLAIM_H

#include <stddef.h>
#include "store/types.h"

/* a claim's token: the blob's id and a secret of 128 bits, of which the store keeps a hash */
#define STORE_CLAIM_LEN (TOKEN_LEN + 22)

struct store_claim {
	char token[STORE_CLAIM_LEN + 1];
	int64_t lease_deadline_ms;
	bool repeated; /* under an Idempotency-Key: this was said before */
};

struct store_claim_opts {
	const char *id, *peer;
	uint32_t lease_s; /* 1..TG_LEASE_MAX_S */
	bool processor;   /* may have passports alone, and no Danish one: TG_EPROCESSOR */
	const char *key;  /* Idempotency-Key, or NULL */
};

/* err 0: claim and blob. TG_EGONE, TG_ECLAIMED: blob alone. TG_ENOENT, TG_EPROCESSOR, TG_EREUSED:
 * neither. */
typedef void store_claim_cb(
	void *ctx, int err, const struct store_claim *claim, const struct store_blob *blob);
/** store_claim_begin(s, o, cb, ctx): claims a blob; the lease ends at the blob's deadline at the
 * latest. o is not needed after return. */
int store_claim_begin(
	struct store *s, const struct store_claim_opts *o, store_claim_cb *cb, void *ctx);
/** store_claim_ack(s, claim, peer, outcome, key, cb, ctx): the claimant is done; erase. key:
 * Idempotency-Key, or NULL. 0: erased, with event and gone_at_ms; TG_EGONE: blob tells how it
 * ended; TG_ENOENT: no such claim, or another's; TG_EREUSED. */
int store_claim_ack(struct store *s, const char *claim, const char *peer, const char *outcome,
	const char *key, store_blob_cb *cb, void *ctx);

/** store_claim_shard(text, n): the shard that a well-formed claim token names, or -1. */
int store_claim_shard(const char *text, size_t n);
#define STORE_CLAIM_HASH_LEN 64
/** store_claim_hash(claim, out): what the store keeps of a claim token's secret. Returns out. */
const char *store_claim_hash(const char *claim, char out[STORE_CLAIM_HASH_LEN + 1]);

#endif
