/*
 * outbox.h: what the recorder does with the store: it reads the events of all shards, trims those
 * that are recorded, and holds the lease that makes it the only recorder (docs/store.md). One read,
 * one question for the lease, one look and one set of trims may be under way at a time.
 */
#ifndef STORE_OUTBOX_H
#define STORE_OUTBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "core/chain.h"
#include "base/token.h"
#include "store/types.h"

/* members of an event that a function wrote; an entry that somebody else added may have any number
 */
#define OUTBOX_PACKED_MAX 16
#define OUTBOX_TOKEN 97 /* characters of a lease's token, at most */

struct outbox;
struct outbox_batch; /* what a read found */

struct outbox_event {
	unsigned shard;
	struct chain_pos pos;
	size_t n;           /* fields */
	const void *fields; /* this and what follows is for outbox_field() */
	bool packed;
	struct chain_text part[2 * OUTBOX_PACKED_MAX];
};

struct outbox_lease {
	int64_t now_ms; /* the store's */
	char epoch[CHAIN_EPOCH + 1];
	char life[CHAIN_EPOCH + 1]; /* of the Redis process, as store_reconcile_done() wants it */
	bool compared;              /* reads are served there */
	bool mine;
	/* the store's time up to which every event is recorded; 0: not known */
	int64_t caught_up_ms;
	/* As it stood before the call: who declared last ("": nobody), and what. */
	char by[OUTBOX_TOKEN + 1];
	struct chain_pos pos[TOKEN_SHARDS];
	uint64_t head_n; /* 0: nothing signed yet */
	uint8_t head[CHAIN_HASH];
};

struct outbox_look { /* of one shard */
	unsigned shard;
	/* the last id that its outbox ever gave; 0-0: it was never there */
	struct chain_pos last;
	/* its entries up to the position that was asked about; at most OUTBOX_LOOK, then there may
	 * be more */
	struct outbox_batch *b;
	unsigned left; /* shards that are still to come */
};
#define OUTBOX_LOOK 512u

struct outbox_calls {
	/* b: borrowed until return; empty when the wait ended without events; NULL with err */
	void (*on_events)(void *ctx, int err, struct outbox_batch *b);
	void (*on_lease)(void *ctx, int err, const struct outbox_lease *l);
	/* for each shard that was asked about; with err (k NULL) for the last time */
	void (*on_look)(void *ctx, int err, const struct outbox_look *k);
	/* once all trims that were under way have been answered, or one was refused */
	void (*on_trimmed)(void *ctx, int err);
};

/** outbox_new(s, calls, ctx): s outlives it. Callbacks of calls that are never made may be NULL.
 * NULL without memory. */
struct outbox *outbox_new(struct store *s, const struct outbox_calls *calls, void *ctx);
/** outbox_cancel(o): no callback comes for what is under way; Redis does it all the same. */
void outbox_cancel(struct outbox *o);
/** outbox_free(o): cancels first; also from within a callback. NULL is harmless. */
void outbox_free(struct outbox *o);
/**
 * outbox_read(o, pos, count, block_ms): up to count events of each shard behind pos[shard]; waits
 * up to block_ms (at most 2000) for the first one; 0: does not wait. Returns 0, and on_events
 * comes, or TG_ESTORE.
 */
int outbox_read(struct outbox *o, const struct chain_pos pos[TOKEN_SHARDS], unsigned count,
	unsigned block_ms);
/** outbox_next(b, e): the next event; those of one shard come in order. false: no more. What e
 * points to is borrowed with b. */
bool outbox_next(struct outbox_batch *b, struct outbox_event *e);
/** outbox_field(e, i, name, value): member i of e->n; borrowed with e. */
void outbox_field(
	const struct outbox_event *e, size_t i, struct chain_text *name, struct chain_text *value);
/** outbox_count(b): entries in it; outbox_next() passes over those that are no events. */
int outbox_count(const struct outbox_batch *b);
/** outbox_full(b): a shard gave as much as was asked for: there may be more. */
bool outbox_full(const struct outbox_batch *b);
/**
 * outbox_look(o, pos): what do the outboxes of all shards with a position hold up to it, and how
 * far have they come? Returns how many shards were asked, and as often on_look comes, or TG_ESTORE.
 */
int outbox_look(struct outbox *o, const struct chain_pos pos[TOKEN_SHARDS]);
/** outbox_trim(o, shard, last): forget all events up to and with last. Returns 0, and on_trimmed
 * comes, or TG_ESTORE. */
int outbox_trim(struct outbox *o, unsigned shard, const struct chain_pos *last);

struct outbox_ask {
	const char *token;
	unsigned lease_ms; /* 0: give it back */
	int64_t caught_up_ms;
	/* NULL: declare nothing. Up to where, by shard, events may stand in our file from now on */
	const struct chain_pos *pos;
	/* the first one since the lease was taken up: it replaces another recorder's; a later one
	 * does not */
	bool begins;
	uint64_t head_n;
	uint8_t head[CHAIN_HASH];
};
/** outbox_ask_lease(o, a): take or renew it, and declare. Returns 0, and on_lease comes, or
 * TG_ESTORE. */
int outbox_ask_lease(struct outbox *o, const struct outbox_ask *a);

#endif
