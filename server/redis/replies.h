/*
 * replies.h: what Redis answers, handed to whoever asked. Redis answers in the order of the
 * commands; this is the queue of those that wait, and the reader of what comes. It does no I/O: its
 * owner (rconn.c) gives it the bytes.
 *
 * Every command has a callback that hears what became of it: there is no way to wait for an answer
 * without one.
 */
#ifndef REDIS_REPLIES_H
#define REDIS_REPLIES_H

#include <stdbool.h>
#include <stddef.h>
#include <event2/buffer.h>
#include <hiredis/hiredis.h>

struct replies;

/* reply: borrowed until return; NULL: the connection broke first, and what became of the command is
 * not known. */
typedef void replies_cb(void *ctx, const redisReply *reply);

/* got: how many bytes were moved into the sink, or one of these. reply: only of REPLIES_ERROR. */
#define REPLIES_NIL (-1)
#define REPLIES_ERROR (-2)
#define REPLIES_BROKEN (-3)
typedef void replies_bulk_cb(void *ctx, long got, const redisReply *reply);

/* replies_new(): NULL without memory. */
struct replies *replies_new(void);
void replies_free(struct replies *r);

/**
 * A connection begins: forgets what was read of the last one. No answer may be due.
 * Returns 0 or TG_ENOMEM.
 */
int replies_begin(struct replies *r);

/** replies_due(r): how many answers are still to come. */
size_t replies_due(const struct replies *r);

/* The next three are called in the order of the commands, before or right after each is written.
 * They return 0, or TG_ENOMEM, and then cb is never called. */

/** replies_expect(r, cb, ctx): cb is told of the answer, whatever it is. */
int replies_expect(struct replies *r, replies_cb *cb, void *ctx) __attribute__((nonnull(2)));
/** replies_expect_status(r, cb, ctx): cb is told only of what is no plain status (+OK, +QUEUED); a
 * status costs next to nothing. */
int replies_expect_status(struct replies *r, replies_cb *cb, void *ctx) __attribute__((nonnull(2)));
/** replies_expect_bulk(r, cb, ctx, sink): a bulk string is moved to the end of sink, which must
 * stay until cb, or until replies_forget(). */
int replies_expect_bulk(struct replies *r, replies_bulk_cb *cb, void *ctx, struct evbuffer *sink)
	__attribute__((nonnull(2)));
/** replies_withdraw(r): the last command was not written after all. */
void replies_withdraw(struct replies *r);

/** replies_on_push(r, cb, ctx): cb is told of what nobody asked for: the messages of a connection
 * that has subscribed. Without it they are TG_EPROTO. */
void replies_on_push(struct replies *r, replies_cb *cb, void *ctx) __attribute__((nonnull(2)));

/**
 * Reads on: takes some bytes from the front of `in`, and calls one callback at most.
 *
 * Returns 1: call again; 0: more bytes are needed; TG_EPROTO: this is not the Redis protocol;
 * TG_ENOMEM.
 */
int replies_consume(struct replies *r, struct evbuffer *in);
/** replies_bulk_left(r): of the bulk that is being moved, bytes that are still to come; 0: none is.
 */
size_t replies_bulk_left(const struct replies *r);
/** replies_bulks(r): how many bulks have been moved, ever. */
unsigned long replies_bulks(const struct replies *r);

/** replies_break(r): the connection broke: tells the first that waits. At least one answer is due.
 */
void replies_break(struct replies *r);
/** replies_forget(r, ctx): the answers still to come for this ctx are read and dropped; their
 * callbacks are not called. */
void replies_forget(struct replies *r, const void *ctx);

#endif
