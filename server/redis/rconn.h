/*
 * rconn.h: one pipelined connection to one Redis. Commands are appended to the stream and flushed
 * once per loop turn; answers come in order. Large arguments are moved chains, and large bulk
 * strings are moved into the caller's evbuffer; all other answers go through hiredis's reader. It
 * reconnects by itself (after 10 ms, doubling to 1 s); what was under way when a connection broke
 * is answered NULL: what became of it is not known.
 */
#ifndef REDIS_RCONN_H
#define REDIS_RCONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <event2/buffer.h>
#include "net/loop.h"
#include "redis/replies.h"

struct rconn;

/* They are told what a command was answered: replies.h. */
typedef replies_cb rconn_cb;
typedef replies_bulk_cb rconn_bulk_cb;

struct rconn_calls {
	/* connected and authenticated; commands given here go first */
	void (*on_up)(struct rconn *c, void *ctx);
	void (*on_down)(struct rconn *c, const char *why, void *ctx);
	/* the output queue fell below its watermark again */
	void (*on_low)(struct rconn *c, void *ctx);
};

/**
 * Starts connecting, and connects again whenever the connection breaks.
 *
 * @url    "unix:///path" or "redis://[user:password@]host:port"; a bulk string of more than 512 KiB
 *         ends a connection
 * @calls  copied; none comes before return
 * @err    of cap bytes: what is wrong with the URL
 *
 * Returns NULL with err filled in.
 */
struct rconn *rconn_new(struct loop *l, const char *url, const struct rconn_calls *calls, void *ctx,
	char *err, size_t cap);
/** rconn_free(c): callbacks that are due are not called. May be called from any callback. NULL is
 * fine. */
void rconn_free(struct rconn *c);
/** rconn_up(c): connected and authenticated. */
bool rconn_up(const struct rconn *c);
/** rconn_set_ready(c, on): of a connection that is up: commands other than rconn_cmd_early()'s are
 * accepted from now on, or no longer. The store calls it when its library is loaded. */
void rconn_set_ready(struct rconn *c, bool on);
/** rconn_queued(c): bytes of commands that are not written yet. */
size_t rconn_queued(const struct rconn *c);
/** rconn_high(c): there are so many of them that sources should pause until on_low. */
bool rconn_high(const struct rconn *c);

/*
 * Commands. Each has a callback that hears what became of it, also of a refusal; without one the
 * compiler warns. It is never called before return. A call returns 0, or TG_ESTORE (not ready, or
 * out of memory), and then the callback is never called.
 */

/** rconn_cmd(c, cb, ctx, argc, argv, len): a command of argc words, which are copied. */
int rconn_cmd(struct rconn *c, rconn_cb *cb, void *ctx, int argc, const char *const argv[],
	const size_t len[]) __attribute__((nonnull(2)));
/**
 * The same, for a command that is due to be answered by a plain status (+OK, +QUEUED): cb is called
 * only when the answer is another one, or NULL when the connection broke.
 */
int rconn_expect(struct rconn *c, rconn_cb *cb, void *ctx, int argc, const char *const argv[],
	const size_t len[]) __attribute__((nonnull(2)));
/** rconn_cmd_early(): the same as rconn_cmd(), also before rconn_set_ready(): for set-up. */
int rconn_cmd_early(struct rconn *c, rconn_cb *cb, void *ctx, int argc, const char *const argv[],
	const size_t len[]) __attribute__((nonnull(2)));
/** rconn_store(c, cb, ctx, key, n, value, px_ms): SET key value PX px_ms; n: the key's length; all
 * of value is moved, not copied. */
int rconn_store(struct rconn *c, rconn_cb *cb, void *ctx, const char *key, size_t n,
	struct evbuffer *value, uint64_t px_ms) __attribute__((nonnull(2)));
/** rconn_fetch(c, cb, ctx, argc, argv, len, sink): a command that answers with a bulk string (GET,
 * GETDEL), which is moved to the end of sink. sink must stay until cb, or rconn_forget(). */
int rconn_fetch(struct rconn *c, rconn_bulk_cb *cb, void *ctx, int argc, const char *const argv[],
	const size_t len[], struct evbuffer *sink) __attribute__((nonnull(2)));
/** rconn_on_push(c, cb, ctx): what nobody asked for goes there: the messages of a connection that
 * has subscribed. Without it they end the connection. */
void rconn_on_push(struct rconn *c, rconn_cb *cb, void *ctx) __attribute__((nonnull(2)));
/** rconn_break(c): what was queued cannot be completed: nothing more is accepted, and at the end of
 * this turn the connection ends, and all that is under way is answered NULL. */
void rconn_break(struct rconn *c);
/** rconn_forget(c, ctx): the answers still to come for this ctx are read and dropped; their
 * callbacks are not called. */
void rconn_forget(struct rconn *c, const void *ctx);

#endif
