/*
 * transaction.h: one MULTI ... EXEC. Whoever begins a transaction names who hears when Redis
 * refuses one of its commands; there is no other way to send one, so no refusal goes unheard.
 *
 * Redis carries out the commands of a transaction one by one, and does not roll back: EXEC's answer
 * says of each what became of it.
 */
#ifndef STORE_TRANSACTION_H
#define STORE_TRANSACTION_H

#include <stdbool.h>
#include <stdint.h>
#include <event2/buffer.h>
#include "redis/rconn.h"
#include "store/cmd.h"

struct store;

struct transaction {
	struct store *store;
	rconn_cb *refused;
	void *ctx;
	int err; /* the first that a step returned */
};

/**
 * Sends MULTI.
 *
 * @refused  called for each command, MULTI included, that Redis does not queue, with why; any
 * number of times, and before done. It may also be told of a command that was queued, which is no
 *           error, and of NULL when the connection broke
 * @ctx      of all callbacks
 *
 * Returns 0 or TG_ESTORE. After an error, of this or of a later step, nothing of the transaction is
 * carried out, and the connection ends at the end of this turn, for it would be left inside a
 * transaction; rconn_forget() the ctx.
 */
int transaction_begin(struct transaction *t, struct store *s, rconn_cb *refused, void *ctx)
	__attribute__((nonnull(3)));
/** transaction_add(t, m): a command. */
int transaction_add(struct transaction *t, const struct cmd *m);
/** transaction_store(t, key, n, value, px_ms): SET as rconn_store() sends it; moves value. */
int transaction_store(
	struct transaction *t, const char *key, size_t n, struct evbuffer *value, uint64_t px_ms);
/** transaction_exec(t, done): sends EXEC; done is called exactly once, with its answer. */
int transaction_exec(struct transaction *t, rconn_cb *done) __attribute__((nonnull(2)));

/** transaction_err(s, r): EXEC's answer: 0, or why the transaction, or its first command that
 * failed, was refused. */
int transaction_err(struct store *s, const redisReply *r);
/** transaction_discarded(r): an EXEC that failed: is it certain that none of the commands was
 * carried out? */
bool transaction_discarded(const redisReply *r);

#endif
