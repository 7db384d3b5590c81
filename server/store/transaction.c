/*
 * transaction.c: sends the parts of a transaction, and reads EXEC's answer. Runs in workers.
 */
#include <timeglas/errors.h>
#include "store/error.h"
#include "store/state.h"
#include "store/transaction.h"

/* Keeps a step's first error. The connection is inside a transaction then, so it has to end. */
static int note(struct transaction *t, int err)
{
	if (err != 0 && t->err == 0) {
		t->err = err;
		rconn_break(t->store->conn);
	}
	return t->err;
}

/* A command that is not refused is answered by a plain status: +QUEUED, or MULTI's +OK. */
static int send_part(struct transaction *t, const struct cmd *m)
{
	return rconn_expect(t->store->conn, t->refused, t->ctx, m->argc, m->argv, m->len);
}

int transaction_begin(struct transaction *t, struct store *s, rconn_cb *refused, void *ctx)
{
	struct cmd multi;

	*t = (struct transaction){.store = s, .refused = refused, .ctx = ctx};
	cmd_begin(&multi, "MULTI");
	t->err = send_part(t, &multi); /* not sent: the connection is as it was */
	return t->err;
}

int transaction_add(struct transaction *t, const struct cmd *m)
{
	return t->err != 0 ? t->err : note(t, send_part(t, m));
}

int transaction_store(
	struct transaction *t, const char *key, size_t n, struct evbuffer *value, uint64_t px_ms)
{
	if (t->err != 0)
		return t->err;
	return note(t, rconn_store(t->store->conn, t->refused, t->ctx, key, n, value, px_ms));
}

int transaction_exec(struct transaction *t, rconn_cb *done)
{
	struct cmd exec;

	cmd_begin(&exec, "EXEC");
	return t->err != 0 ? t->err : note(t, cmd_send(t->store, &exec, done, t->ctx));
}

int transaction_err(struct store *s, const redisReply *r)
{
	if (r == NULL || r->type != REDIS_REPLY_ARRAY)
		return r == NULL || r->type == REDIS_REPLY_ERROR ? error_of(s, r) : TG_EINTERNAL;
	for (size_t i = 0; i < r->elements; i++)
		if (r->element[i]->type == REDIS_REPLY_ERROR)
			return error_of(s, r->element[i]);
	return 0;
}

bool transaction_discarded(const redisReply *r)
{
	return r != NULL && r->type == REDIS_REPLY_ERROR && error_discarded(r->str);
}
