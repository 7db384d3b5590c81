/*
 * query.c: the queries that wait for their answer. Runs in every process that has a store.
 */
#include <stdlib.h>
#include "base/clock.h"
#include "base/metrics.h"
#include "store/query.h"
#include "store/error.h"
#include "store/state.h"

struct query *query_new_(struct store *s, query_done *done, void (*cb)(void), void *user)
{
	struct query *c = calloc(1, sizeof *c);

	if (c == NULL)
		return NULL;
	c->store = s;
	c->user = user;
	c->cb = cb;
	c->done = done;
	c->began_us = clock_mono_us();
	LIST_INSERT_HEAD(&s->queries, c, link);
	return c;
}

static void query_destroy(struct query *c)
{
	if (c->state != NULL)
		c->state_free(c->state);
	free(c);
}

void query_drop(struct query *c)
{
	LIST_REMOVE(c, link);
	query_destroy(c);
}

static void on_reply(void *ctx, const redisReply *r)
{
	struct query *c = ctx;
	int err = error_of(c->store, r);

	metrics_observe_us(H_STORE_US, clock_mono_us() - c->began_us);
	/* Out of the list first: the callback may forget its ctx, or free the store. */
	LIST_REMOVE(c, link);
	c->done(c, err, r);
	query_destroy(c);
}

int query_send(struct query *c, const struct cmd *m)
{
	int rc = cmd_send(c->store, m, on_reply, c);

	if (rc != 0)
		query_drop(c);
	return rc;
}

void query_forget(struct store *s, const void *user)
{
	struct query *c, *next;

	for (c = LIST_FIRST(&s->queries); c != NULL; c = next) {
		next = LIST_NEXT(c, link);
		if (c->user != user)
			continue;
		if (c->duty != NULL) {
			c->user = NULL;
			c->done = c->duty;
			continue;
		}
		rconn_forget(s->conn, c);
		query_drop(c);
	}
}

void query_free_all(struct store *s)
{
	struct query *c;

	while ((c = LIST_FIRST(&s->queries)) != NULL)
		query_drop(c);
}
