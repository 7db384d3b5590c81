/*
 * transaction.h: one MULTI … EXEC. Whoever begins a transaction names the callback that hears when
 * Redis refuses one of its commands, so no refusal goes unheard.
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

/* It stands on the stack of whoever sends the transaction, and owns nothing. */
struct transaction {
	struct store *store;
	rconn_cb *refused;
	void *ctx;
	int err; /* of the first step that failed; later steps do nothing then */
};

/**
 * Sends MULTI.
 *
 * @refused  called for each command, MULTI included, that Redis does not queue, with its error: any
 *           number of times, and before done. It may also be called with an answer that is no
 *           error, for a command that was queued; and with NULL when the connection broke
 * @ctx      of refused and done
 *
 * Returns 0 or TG_ESTORE. After an error, of this or of a later step, nothing of the transaction is
 * carried out. The caller then calls rconn_forget() with ctx. Where MULTI was sent, the connection
 * ends at the end of this turn, because it would be left inside a transaction.
 */
int transaction_begin(struct transaction *t, struct store *s, rconn_cb *refused, void *ctx)
	__attribute__((nonnull(3)));
/** Adds a command. Returns 0 or TG_ESTORE. */
int transaction_add(struct transaction *t, const struct cmd *m);
/** Adds a SET as rconn_store() sends it: n is the key's length, value is moved. Returns 0 or
 * TG_ESTORE. */
int transaction_store(
	struct transaction *t, const char *key, size_t n, struct evbuffer *value, uint64_t px_ms);
/** Sends EXEC. Returns 0, and done is called once, with its answer; or TG_ESTORE, and done is never
 * called. */
int transaction_exec(struct transaction *t, rconn_cb *done) __attribute__((nonnull(2)));

/** Returns 0 when EXEC's answer says that all was carried out; otherwise why the transaction, or
 * the first of its commands that failed, was refused. */
int transaction_err(struct store *s, const redisReply *r);
/** Returns whether it is certain, by an EXEC's answer that is an error, that none of its commands
 * was carried out. */
bool transaction_discarded(const redisReply *r);

#endif
