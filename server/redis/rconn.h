/*
 * rconn.h: one pipelined connection to one Redis. Commands are appended to the stream, which is
 * flushed once a turn of the loop; answers come in the same order. A large argument is moved into
 * the stream, and a large bulk string into the caller's evbuffer, without a copy; all other answers
 * are built by hiredis's reader. It connects again by itself (after 10 ms, doubling to 1 s). What
 * was under way when a connection broke is answered NULL: what became of it is not known.
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

/* What a command's callback is told: replies.h. */
typedef replies_cb rconn_cb;
typedef replies_bulk_cb rconn_bulk_cb;

/* Each may be NULL. */
struct rconn_calls {
	/* connected and authenticated; commands that are given here go first */
	void (*on_up)(struct rconn *c, void *ctx);
	/* a connection that was up broke; why: borrowed until return */
	void (*on_down)(struct rconn *c, const char *why, void *ctx);
	/* rconn_high() is false again */
	void (*on_low)(struct rconn *c, void *ctx);
};

/**
 * Starts to connect, and connects again whenever the connection breaks. A host name is looked up
 * here, once, which blocks.
 *
 * @url    "unix://[[user]:password@]/path" or "redis://[[user]:password@]host:port"; borrowed until
 *         return
 * @calls  copied; none comes before return
 * @err    of cap bytes: what is wrong with the URL
 *
 * A bulk string of more than RESP_BULK_MAX bytes ends a connection. Returns NULL with err filled
 * in.
 */
struct rconn *rconn_new(struct loop *l, const char *url, const struct rconn_calls *calls, void *ctx,
	char *err, size_t cap);
/** Closes the connection, and frees it. Callbacks that are due are not called. May be called from
 * any callback. NULL is fine. */
void rconn_free(struct rconn *c);
/** Returns whether it is connected and authenticated. */
bool rconn_up(const struct rconn *c);
/** on: of a connection that is up, commands other than rconn_cmd_early()'s are accepted from now
 * on; false: no longer. The store calls it when its library is loaded. */
void rconn_set_ready(struct rconn *c, bool on);
/** Returns how many bytes of commands are not written yet. */
size_t rconn_queued(const struct rconn *c);
/** Returns whether there were so many of them that sources should pause until on_low. */
bool rconn_high(const struct rconn *c);

/*
 * Commands. Each has a callback that hears what became of it, also of a refusal; without one the
 * compiler warns. It is never called before return. A call returns 0, or TG_ESTORE (not ready, or
 * out of memory), and then the callback is never called.
 */

/** Sends a command of argc words, of len[i] bytes each; they are copied. */
int rconn_cmd(struct rconn *c, rconn_cb *cb, void *ctx, int argc, const char *const argv[],
	const size_t len[]) __attribute__((nonnull(2)));
/** The same, for a command that is due to be answered by a plain status (+OK, +QUEUED): cb is
 * called only when the answer is another one, or NULL when the connection broke. */
int rconn_expect(struct rconn *c, rconn_cb *cb, void *ctx, int argc, const char *const argv[],
	const size_t len[]) __attribute__((nonnull(2)));
/** As rconn_cmd(), also before rconn_set_ready(): for set-up. */
int rconn_cmd_early(struct rconn *c, rconn_cb *cb, void *ctx, int argc, const char *const argv[],
	const size_t len[]) __attribute__((nonnull(2)));
/**
 * Sends SET key value PX px_ms.
 *
 * @key    n bytes, copied
 * @value  all of it is moved, and it is empty after return; unchanged after an error
 * @px_ms  Redis's own expiry, from when it carries the command out
 */
int rconn_store(struct rconn *c, rconn_cb *cb, void *ctx, const char *key, size_t n,
	struct evbuffer *value, uint64_t px_ms) __attribute__((nonnull(2)));
/** Sends a command that answers with a bulk string (GET, GETDEL), which is moved to the end of
 * sink. sink must live until cb, or rconn_forget(). Words as rconn_cmd(). */
int rconn_fetch(struct rconn *c, rconn_bulk_cb *cb, void *ctx, int argc, const char *const argv[],
	const size_t len[], struct evbuffer *sink) __attribute__((nonnull(2)));
/** Sets the callback for messages that answer no command: those of a connection that has
 * subscribed. Without it, such a message ends the connection. */
void rconn_on_push(struct rconn *c, rconn_cb *cb, void *ctx) __attribute__((nonnull(2)));
/** What was queued cannot be completed: nothing more is accepted. At the end of this turn the
 * connection ends, and all that is under way is answered NULL. */
void rconn_break(struct rconn *c);
/** The owner of ctx leaves: the answers still to come for it are read and dropped, and their
 * callbacks are not called. */
void rconn_forget(struct rconn *c, const void *ctx);

#endif
