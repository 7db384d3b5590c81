/*
 * outbox.h: the recorder's side of the store: reading the outbox streams, trimming what is recorded, and the lease that makes one recorder the only one
 * (docs/store.md). One read and one lease call may be under way at a time.
 */
#ifndef STORE_OUTBOX_H
#define STORE_OUTBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "core/chain.h"
#include "store/store.h"

#define OUTBOX_PACKED_MAX 16 /* names in one of our own events; another's entry may have any number */
#define OUTBOX_TOKEN 64 /* characters of a lease's token, at most */

struct outbox;
struct outbox_batch; /* what a read found */

struct outbox_event {
	unsigned shard;
	struct chain_pos pos;
	size_t n;                  /* fields */
	const void *fields;        /* for outbox_field(), as what follows */
	bool packed;
	struct chain_text part[2 * OUTBOX_PACKED_MAX];
};

struct outbox_lease {
	int64_t now_ms;            /* the store's */
	char epoch[CHAIN_EPOCH + 1];
	bool mine;
	uint64_t head_n;           /* not mine: what the holder left; head_n 0: nothing yet */
	uint8_t head[CHAIN_HASH];
	int64_t caught_up_ms;      /* the store's time up to which every event is recorded */
};

struct outbox_calls {
	void (*on_events)(void *ctx, int err, struct outbox_batch *b); /* b borrowed until return; NULL with err. A wait that ended without events: an empty batch */
	void (*on_lease)(void *ctx, int err, const struct outbox_lease *l);
};

/** outbox_new(s, calls, ctx): s outlives it. NULL without memory. */
struct outbox *outbox_new(struct store *s, const struct outbox_calls *calls, void *ctx);
void outbox_free(struct outbox *o);
/**
 * outbox_read(o, pos, count, block_ms): up to count events of each shard behind pos[shard]; waits up to block_ms (at most 2000) for the first one; 0: does not
 * wait. Returns 0, and on_events comes, or TG_ESTORE.
 */
int outbox_read(struct outbox *o, const struct chain_pos pos[TOKEN_SHARDS], unsigned count, unsigned block_ms);
/** outbox_next(b, e): the next event, in order within a shard. false: no more. e's contents are borrowed with b. */
bool outbox_next(struct outbox_batch *b, struct outbox_event *e);
void outbox_field(const struct outbox_event *e, size_t i, struct chain_text *name, struct chain_text *value);
/** outbox_full(b): a shard gave as much as was asked for: there may be more. */
bool outbox_full(const struct outbox_batch *b);
/** outbox_trim(o, shard, last): forget all events up to and with last. No answer: what stays is trimmed by the next one. */
void outbox_trim(struct outbox *o, unsigned shard, const struct chain_pos *last);

struct outbox_ask {
	const char *token;
	unsigned lease_ms;         /* 0: give it back */
	uint64_t head_n;
	uint8_t head[CHAIN_HASH];
	int64_t caught_up_ms;
};
/** outbox_ask_lease(o, a): take or renew it. Returns 0, and on_lease comes, or TG_ESTORE. */
int outbox_ask_lease(struct outbox *o, const struct outbox_ask *a);

#endif
