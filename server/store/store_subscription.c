/*
 * store_subscription.c: hears from the functions that something became the next to be due, on the
 * channel tg:due (index() in functions/base.lua). It has a connection of its own, because a
 * connection that has subscribed can do nothing else. It keeps nothing: a reaper that misses a
 * message finds the entry by its sweep. Runs in the reaper.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "core/hex.h"
#include "core/num.h"
#include "redis/rconn.h"
#include "base/token.h"
#include "store/store_subscription.h"

#define CHANNEL "tg:due"
#define DUE_MAX_MS 60000 /* a larger number is no message of ours */

struct store_subscription {
	struct rconn *conn;
	store_due_cb *due;
	void *ctx;
	bool subscribed; /* on this connection */
	bool refused;    /* SUBSCRIBE was, on this connection, and the log says so */
};

/* Reads ["message", "tg:due", "3f 1200"]: shard and milliseconds. The answers to our own commands
 * come here, too; they are not of that form. */
static void on_push(void *ctx, const redisReply *r)
{
	struct store_subscription *w = ctx;
	const redisReply *text;
	uint64_t in_ms;
	uint8_t shard;

	if (r != NULL && r->type == REDIS_REPLY_ERROR && !w->subscribed && !w->refused) {
		w->refused = true;
		log_warn("store-refused",
			"Redis refused SUBSCRIBE, so what becomes due soon may end up to a second "
			"late: %.80s",
			r->str);
	}
	if (r == NULL || r->type != REDIS_REPLY_ARRAY || r->elements != 3)
		return;
	w->subscribed = true;
	text = r->element[2];
	if (text->type == REDIS_REPLY_STRING && text->len > 3 && text->str[2] == ' ' &&
		tg_hex_decode(text->str, 2, &shard, 1) == 0 && shard < TOKEN_SHARDS &&
		tg_num_u64(text->str + 3, (size_t)text->len - 3, DUE_MAX_MS, &in_ms) == 0)
		w->due(w->ctx, shard, (int64_t)in_ms);
}

/* A message may come before the answer to a command, and then takes its place in the queue, so both
 * go to on_push. */
static void send_words(struct store_subscription *w, int argc, const char *const argv[])
{
	size_t len[2] = {0, 0};

	for (int i = 0; i < argc; i++)
		len[i] = strlen(argv[i]);
	(void)rconn_cmd_early(w->conn, on_push, w, argc, argv, len);
}

static void subscribe(struct store_subscription *w)
{
	static const char *const argv[] = {"SUBSCRIBE", CHANNEL};

	send_words(w, 2, argv);
}

static void on_up(struct rconn *c, void *ctx)
{
	struct store_subscription *w = ctx;

	(void)c;
	w->subscribed = w->refused = false;
	subscribe(w);
}

/* Where SUBSCRIBE was refused, because Redis was still loading, it is sent again instead of PING.
 */
void store_subscription_ping(struct store_subscription *w)
{
	static const char *const argv[] = {"PING"};

	if (w->subscribed)
		send_words(w, 1, argv);
	else
		subscribe(w);
}

struct store_subscription *store_subscription_new(
	struct loop *l, const char *url, store_due_cb *cb, void *ctx, char *err, size_t cap)
{
	static const struct rconn_calls calls = {.on_up = on_up};
	struct store_subscription *w = calloc(1, sizeof *w);

	if (w == NULL) {
		snprintf(err, cap, "out of memory");
		return NULL;
	}
	w->due = cb;
	w->ctx = ctx;
	w->conn = rconn_new(l, url, &calls, w, err, cap);
	if (w->conn == NULL) {
		free(w);
		return NULL;
	}
	rconn_on_push(w->conn, on_push, w);
	return w;
}

void store_subscription_free(struct store_subscription *w)
{
	if (w == NULL)
		return;
	rconn_free(w->conn);
	free(w);
}
