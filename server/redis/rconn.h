/*
 * rconn.h: one pipelined connection to one Redis. Commands are appended to the stream and flushed
 * once per loop turn; replies come in order. Large arguments are moved chains, large bulk replies
 * are moved into the caller's evbuffer; all other replies go through hiredis's reader. It
 * reconnects by itself (10 ms doubling to 1 s); what was in flight when a connection broke is
 * answered NULL: its fate is unknown.
 */
#ifndef REDIS_RCONN_H
#define REDIS_RCONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <event2/buffer.h>
#include <hiredis/hiredis.h>
#include "net/loop.h"

struct rconn;

/* reply: borrowed until return; NULL: the connection broke (or was closed) first. For rconn_fetch:
 * NULL reply with got >= 0 is the bulk's length. */
typedef void rconn_cb(void *ctx, const redisReply *reply);
/* got: bytes in sink; -1: nil; -2: error reply; -3: broken */
typedef void rconn_bulk_cb(void *ctx, long got, const redisReply *reply);

struct rconn_calls {
	/* connected and authenticated; commands given here go first */
	void (*on_up)(struct rconn *c, void *ctx);
	void (*on_down)(struct rconn *c, const char *why, void *ctx);
	/* the output queue fell below its watermark again */
	void (*on_low)(struct rconn *c, void *ctx);
};

/**
 * rconn_new(l, url, calls, ctx, err, cap): "unix:///path" or "redis://[user:password@]host:port".
 * Starts connecting. Bulks longer than 512 KiB end the connection. NULL: err says what is wrong
 * with the URL.
 */
struct rconn *rconn_new(struct loop *l, const char *url, const struct rconn_calls *calls, void *ctx,
	char *err, size_t cap);
void rconn_free(struct rconn *c); /* pending callbacks are not called */
bool rconn_up(const struct rconn *c);
/** rconn_ready(c, on): commands other than rconn_cmd_early() are accepted only when ready (the
 * store sets it once its library is loaded). */
void rconn_set_ready(struct rconn *c, bool on);
/** rconn_queued(c): bytes not yet written. High: callers should pause their sources until on_low.
 */
size_t rconn_queued(const struct rconn *c);
bool rconn_high(const struct rconn *c);

/** rconn_cmd(c, cb, ctx, argc, argv, len): queue a command. cb NULL: nobody hears
 * of a refusal. Returns 0 or TG_ESTORE (not ready: cb is never called). cb is never called before
 * return. */
int rconn_cmd(struct rconn *c, rconn_cb *cb, void *ctx, int argc, const char *const argv[],
	const size_t len[]);
/**
 * The same, for a command that is due to be answered by a plain status (+OK, +QUEUED): cb is called
 * only when the answer is another one, or NULL when the connection broke. Costs no more than a
 * command without cb.
 */
int rconn_expect(struct rconn *c, rconn_cb *cb, void *ctx, int argc, const char *const argv[],
	const size_t len[]);
/** the same as rconn_cmd, also before rconn_set_ready(): for set-up. */
int rconn_cmd_early(struct rconn *c, rconn_cb *cb, void *ctx, int argc, const char *const argv[],
	const size_t len[]);
/** rconn_store(c, cb, ctx, key, n, value, px_ms): SET key value PX px_ms; all of value is moved,
 * not copied. */
int rconn_store(struct rconn *c, rconn_cb *cb, void *ctx, const char *key, size_t n,
	struct evbuffer *value, uint64_t px_ms);
/** rconn_fetch(c, cb, ctx, argc, argv, len, sink): a command that answers with a bulk string
 * (GETDEL, GET), which is moved to the end of sink. sink must stay until cb; rconn_forget()
 * detaches both. */
int rconn_fetch(struct rconn *c, rconn_bulk_cb *cb, void *ctx, int argc, const char *const argv[],
	const size_t len[], struct evbuffer *sink);
/** rconn_on_push(c, cb, ctx): replies that nobody asked for go there: the messages of a connection
 * that has subscribed. Without it they end the connection. */
void rconn_on_push(struct rconn *c, rconn_cb *cb, void *ctx);
/** rconn_break(c): what was queued cannot be completed: end the connection at the end of this turn;
 * all that is in flight is answered NULL. */
void rconn_break(struct rconn *c);
/** rconn_forget(c, ctx): the replies still to come for this ctx are read and dropped; their
 * callbacks are not called. */
void rconn_forget(struct rconn *c, const void *ctx);

#endif
