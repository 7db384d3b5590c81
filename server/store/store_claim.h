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
	int64_t lease_deadline_ms; /* Unix */
	bool repeated;             /* under an Idempotency-Key: the same answer was given before */
};

/* Texts are borrowed until store_claim_begin() returns. */
struct store_claim_opts {
	const char *id, *peer;
	uint32_t lease_s; /* 1..TG_LEASE_MAX_S; the lease ends at the blob's deadline at the latest
			   */
	bool processor;   /* may have passports alone, and no Danish one: TG_EPROCESSOR */
	const char *key;  /* Idempotency-Key; NULL: none */
};

/**
 * @err    0, TG_EGONE, TG_ECLAIMED, TG_ENOENT, TG_EPROCESSOR, TG_EREUSED (the key was used for
 *         something else), TG_ECOMPARE, TG_ESTORE, TG_ENOMEM or TG_EINTERNAL
 * @claim  with 0 alone; otherwise NULL. Overwritten after return, because it holds a secret
 * @blob   with 0, TG_EGONE and TG_ECLAIMED; with TG_ENOENT, TG_EFROZEN and TG_EPROCESSOR only its
 *         `refused` is set; otherwise NULL
 */
typedef void store_claim_cb(
	void *ctx, int err, const struct store_claim *claim, const struct store_blob *blob);
/** Claims a blob. Returns as types.h says; TG_ENOENT: o->id is no id. */
int store_claim_begin(
	struct store *s, const struct store_claim_opts *o, store_claim_cb *cb, void *ctx);
/**
 * The claimant is done: the blob is erased. A caller that leaves before the answer does not learn
 * whether it was.
 *
 * @claim    the claim's token
 * @peer     whose claim it must be
 * @outcome  what the claimant found, for the uploader; up to STORE_OUTCOME_MAX characters, or ""
 * @key      Idempotency-Key; NULL: none
 * @cb       0: erased, and blob says when, by which event; TG_EGONE: blob says how it ended;
 *           TG_ENOENT: no such claim, or another peer's (of blob only `refused` is set);
 *           TG_EREUSED, TG_ECOMPARE, TG_ESTORE,
 *           TG_ENOMEM, TG_EINTERNAL
 *
 * All texts are borrowed until return. Returns as types.h says; TG_ENOENT: claim is no token.
 */
int store_claim_ack(struct store *s, const char *claim, const char *peer, const char *outcome,
	const char *key, store_blob_cb *cb, void *ctx);

/** Returns the shard that a claim's token of n characters names; -1: it is not well-formed. */
int store_claim_shard(const char *text, size_t n);
#define STORE_CLAIM_HASH_LEN 64
/** Writes what the store keeps of a well-formed token's secret. Returns out. */
const char *store_claim_hash(const char *claim, char out[STORE_CLAIM_HASH_LEN + 1]);

#endif
