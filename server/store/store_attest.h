/*
 * store_attest.h: asks a Redis what attest.h judges, and puts the judgement into the evidence.
 */
#ifndef STORE_STORE_ATTEST_H
#define STORE_STORE_ATTEST_H

#include "store/attest.h"

struct store;

typedef void store_attest_cb(void *ctx, int err, const struct attest_facts *f);
/** store_attest_ask(s, cb, ctx): what CONFIG GET and INFO say, and what this user is denied. err:
 * nothing was learned. f: borrowed until return. */
int store_attest_ask(struct store *s, store_attest_cb *cb, void *ctx);
/* err 0: it stands in the outbox. */
typedef void store_attest_told_cb(void *ctx, int err);
/** store_attest_tell(s, slug, who, cb, ctx): puts into the outbox, for the evidence, what was
 * found. who: the operator who vouches, or "". */
int store_attest_tell(
	struct store *s, const char *slug, const char *who, store_attest_told_cb *cb, void *ctx);

#endif
