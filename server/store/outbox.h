/*
 * outbox.h: what the recorder does with the store: it reads the events of all shards, trims those
 * that are recorded, and holds the lease that makes it the only recorder (docs/store.md). At a
 * time, one read, one question for the lease, one look and one set of trims may be under way. A
 * call that returns TG_ESTORE has sent nothing that it will hear of.
 */
#ifndef STORE_OUTBOX_H
#define STORE_OUTBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "core/chain.h"
#include "base/token.h"
#include "store/types.h"

/* Members of an event that a function wrote, at most; an entry that somebody else added may have
 * any number. */
#define OUTBOX_PACKED_MAX 16
#define OUTBOX_TOKEN 97 /* characters of a lease's token, at most */
#define OUTBOX_LOOK 512u

struct outbox;
struct outbox_batch; /* what a read or a look found */

struct outbox_event {
	unsigned shard;
	struct chain_pos pos;
	size_t n;           /* members */
	const void *fields; /* this and what follows is for outbox_field() alone */
	bool packed;
	struct chain_text part[2 * OUTBOX_PACKED_MAX];
};

struct outbox_lease {
	int64_t now_ms; /* the store's time, Unix */
	char epoch[CHAIN_EPOCH + 1];
	char life[CHAIN_EPOCH + 1]; /* of the Redis process, as store_reconcile_done() wants it */
	bool compared;              /* reads are served there */
	bool mine;                  /* whoever asked holds the lease */
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

/* err: 0 or TG_E…, as types.h says; what stands beside it is NULL with an error, and otherwise
 * borrowed until return. */
struct outbox_calls {
	/* b: empty when the wait ended without events */
	void (*on_events)(void *ctx, int err, struct outbox_batch *b);
	void (*on_lease)(void *ctx, int err, const struct outbox_lease *l);
	/* for each shard that was asked about; with an error it is the last time */
	void (*on_look)(void *ctx, int err, const struct outbox_look *k);
	/* once all trims that were under way have been answered, or one was refused */
	void (*on_trimmed)(void *ctx, int err);
};

/**
 * @s      outlives the outbox
 * @calls  copied; a callback whose call is never made may be NULL
 *
 * Returns NULL without memory.
 */
struct outbox *outbox_new(struct store *s, const struct outbox_calls *calls, void *ctx);
/** No callback comes for what is under way. Redis does it all the same. */
void outbox_cancel(struct outbox *o);
/** Cancels, and frees. Also from a callback. NULL is fine. */
void outbox_free(struct outbox *o);
/**
 * Reads events.
 *
 * @pos       for each shard: what lies behind this is read
 * @count     of each shard, at most
 * @block_ms  how long to wait for the first one, at most 2000; 0: not at all
 *
 * Returns 0, and on_events comes; or TG_ESTORE.
 */
int outbox_read(struct outbox *o, const struct chain_pos pos[TOKEN_SHARDS], unsigned count,
	unsigned block_ms);
/** Fills in the next event; those of one shard come in order. What e points to lives as long as b.
 * Returns false when there are no more. */
bool outbox_next(struct outbox_batch *b, struct outbox_event *e);
/** Fills in member i of e->n: name and value live as long as e. */
void outbox_field(
	const struct outbox_event *e, size_t i, struct chain_text *name, struct chain_text *value);
/** Returns how many entries there are; outbox_next() passes over those that are no events. */
int outbox_count(const struct outbox_batch *b);
/** Returns whether a shard gave as much as was asked for, so that there may be more. */
bool outbox_full(const struct outbox_batch *b);
/**
 * Asks the outbox of each shard what it holds up to a position, and how far it has come.
 *
 * @pos  for each shard; one of 0-0 is not asked
 *
 * Returns how many shards were asked, and so often on_look comes; or TG_ESTORE.
 */
int outbox_look(struct outbox *o, const struct chain_pos pos[TOKEN_SHARDS]);
/** Removes all events of a shard up to `last`, and that one. Returns 0, and on_trimmed comes; or
 * TG_ESTORE. */
int outbox_trim(struct outbox *o, unsigned shard, const struct chain_pos *last);

/* What it points to is borrowed until outbox_ask_lease() returns. */
struct outbox_ask {
	const char *token;    /* whose lease it is; up to OUTBOX_TOKEN characters */
	unsigned lease_ms;    /* how long; 0: gives it back */
	int64_t caught_up_ms; /* the store's time up to which every event is recorded; 0: not known
			       */
	/* for each shard, up to where events may stand in this recorder's file from now on; NULL:
	 * nothing is declared */
	const struct chain_pos *pos;
	/* the first declaration since it has the lease, which replaces another recorder's; a later
	 * one does not */
	bool begins;
	uint64_t head_n; /* of the last checkpoint; 0: none */
	uint8_t head[CHAIN_HASH];
};
/** Takes or renews the lease, and declares. Returns 0, and on_lease comes; or TG_ESTORE. */
int outbox_ask_lease(struct outbox *o, const struct outbox_ask *a);

#endif
