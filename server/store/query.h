/*
 * query.h: a command whose answer one callback of the caller's is told: its time is measured, the
 * caller can have it forgotten, and what it needs until then is freed with it.
 */
#ifndef STORE_QUERY_H
#define STORE_QUERY_H

#include <stdint.h>
#include <sys/queue.h>
#include "store/cmd.h"

struct store;
struct query;

/**
 * What a module does with the answer: usually it reads it, and calls the caller's callback.
 *
 * @c    freed after return
 * @err  0 or TG_E…, as error_of() has it
 * @r    the answer, borrowed until return: a function's (lines_of()) or a command's; NULL when the
 *       connection broke
 */
typedef void query_done(struct query *c, int err, const redisReply *r);

struct query {
	LIST_ENTRY(query) link; /* query.c */
	struct store *store;
	void *user; /* the caller's ctx; NULL once the caller has left */
	/* the caller's callback, of the type that done knows: QUERY_CB() */
	void (*cb)(void);
	uint64_t began_us; /* query.c */
	unsigned shard;    /* free for the module that makes the query */
	query_done *done;
	/* Called in place of done when the caller has left (store_forget()): what has to be done
	 * with the answer all the same. It must not call cb. NULL: nothing has to be, and the query
	 * ends when its caller leaves. */
	query_done *duty;
	/* What the query needs until its end, freed by state_free. NULL: nothing. A done that hands
	 * it on sets it to NULL. */
	void *state;
	void (*state_free)(void *state);
};

/** The caller's callback, which is of this type. */
#define QUERY_CB(c, type) ((type *)(c)->cb)

/**
 * Makes a query. The caller then fills in duty, state and shard where it needs them, and sends it
 * or drops it.
 *
 * @cb    the caller's callback, a function of whatever type
 * @user  the caller's ctx, by which store_forget() finds the query
 *
 * Returns NULL without memory.
 */
#define query_new(s, done, cb, user) query_new_((s), (done), (void (*)(void))(cb), (user))
struct query *query_new_(struct store *s, query_done *done, void (*cb)(void), void *user);
/** Sends it. Returns 0, and done or duty is called once, unless the caller leaves; or TG_ESTORE,
 * and then c and its state are freed and neither is called. */
int query_send(struct query *c, const struct cmd *m);
/** Frees a query that was not sent, with its state. Nothing is called. */
void query_drop(struct query *c);
/** Does what store_forget() says. */
void query_forget(struct store *s, const void *user);
/** Frees all queries, at the store's end. Nothing is called, no duty either. */
void query_free_all(struct store *s);

#endif
