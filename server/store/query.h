/*
 * call.h: a call that one callback of the caller's answers: it can be forgotten, is timed, and
 * frees what it holds.
 */
#ifndef STORE_QUERY_H
#define STORE_QUERY_H

#include <stdint.h>
#include <sys/queue.h>
#include "store/cmd.h"

struct store;
struct query;

/* err: 0 or TG_E...; r: a function's answer (lines_of()), or a command's; NULL when the connection
 * broke. c is freed after return. */
typedef void query_done(struct query *c, int err, const redisReply *r);

struct query {
	LIST_ENTRY(query) link;
	struct store *store;
	void *user; /* the caller's ctx */
	/* the caller's callback, of the type that done knows: QUERY_CB() */
	void (*cb)(void);
	uint64_t began_us;
	unsigned shard;
	query_done *done;
	/* What must be done with the answer when the caller has left (store_forget()), in place of
	 * done: user is NULL then, and cb is not to be called. NULL: nothing, and the call ends
	 * with its user. */
	query_done *duty;
	void *state; /* of calls of several steps; NULL, or freed by state_free */
	void (*state_free)(void *state);
};

/** QUERY_CB(c, type): the caller's callback, which is of this type. */
#define QUERY_CB(c, type) ((type *)(c)->cb)

/** query_new(s, done, cb, user): NULL without memory. cb: of whatever type. */
#define query_new(s, done, cb, user) query_new_((s), (done), (void (*)(void))(cb), (user))
struct query *query_new_(struct store *s, query_done *done, void (*cb)(void), void *user);
/** query_send(c, m): 0, or an error, and then c is freed. */
int query_send(struct query *c, const struct cmd *m);
/** query_drop(c): it ends without its callback; only before it was sent. */
void query_drop(struct query *c);
/** query_forget(s, user): as store_forget() says. */
void query_forget(struct store *s, const void *user);
/** query_free_all(s): at the store's end. */
void query_free_all(struct store *s);

#endif
