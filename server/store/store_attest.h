/*
 * store_attest.h: asks a Redis what attest.h judges, and puts the judgement into the evidence.
 */
#ifndef STORE_STORE_ATTEST_H
#define STORE_STORE_ATTEST_H

#include "store/attest.h"

struct store;

/** err: 0, or nothing was learned. f: NULL with an error; otherwise borrowed until return. */
typedef void store_attest_cb(void *ctx, int err, const struct attest_facts *f);
/** Asks for what CONFIG GET and INFO say, what this user is denied, and whether an upload would be
 * taken; with wiping, also what the allocator overwrites, which takes a millisecond of Redis's
 * time. Returns as types.h says. */
int store_attest_ask(struct store *s, bool wiping, store_attest_cb *cb, void *ctx);

/** err: 0: it stands in the outbox. */
typedef void store_attest_told_cb(void *ctx, int err);
/**
 * Puts into the outbox, for the evidence, what was found.
 *
 * @slug  what was found, as attestation_slug() calls it
 * @who   the operator who vouches, or ""
 *
 * Both are borrowed until return. Returns as types.h says.
 */
int store_attest_tell(
	struct store *s, const char *slug, const char *who, store_attest_told_cb *cb, void *ctx);

#endif
