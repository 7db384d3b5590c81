/*
 * replies.h: hands what Redis answers to whoever asked. Redis answers in the order of the commands;
 * this is the queue of those that wait, and the reader of what comes. It does no I/O: its owner
 * (rconn.c) gives it the bytes.
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

/** reply: the answer, which may be an error of Redis's; borrowed until return; NULL: the connection
 * broke first, and what became of the command is not known. */
typedef void replies_cb(void *ctx, const redisReply *reply);

#define REPLIES_NIL (-1)    /* there is no such string */
#define REPLIES_ERROR (-2)  /* another answer, most likely an error of Redis's */
#define REPLIES_BROKEN (-3) /* the connection broke first */
/**
 * @got    how many bytes were moved into the sink, or one of the three above; after
 *         REPLIES_BROKEN the sink may hold a part
 * @reply  of REPLIES_ERROR and REPLIES_NIL, borrowed until return; otherwise NULL
 */
typedef void replies_bulk_cb(void *ctx, long got, const redisReply *reply);

/** Returns NULL without memory. replies_begin() comes before the first byte. */
struct replies *replies_new(void);
/** Callbacks that are due are not called. NULL is fine. */
void replies_free(struct replies *r);

/** A connection begins: what was read of the last one is forgotten. No answer may be due. Returns 0
 * or TG_ENOMEM. */
int replies_begin(struct replies *r);

/** Returns how many answers are still to come. */
size_t replies_due(const struct replies *r);

/* The next three are called in the order of the commands, before or right after each is written.
 * They return 0, or TG_ENOMEM, and then cb is never called. */

/** cb is told of the answer, whatever it is. */
int replies_expect(struct replies *r, replies_cb *cb, void *ctx) __attribute__((nonnull(2)));
/** cb is told only of what is no plain status (+OK, +QUEUED). A status is passed without being
 * built. */
int replies_expect_status(struct replies *r, replies_cb *cb, void *ctx) __attribute__((nonnull(2)));
/** A bulk string is moved to the end of sink, which must live until cb, or until replies_forget().
 */
int replies_expect_bulk(struct replies *r, replies_bulk_cb *cb, void *ctx, struct evbuffer *sink)
	__attribute__((nonnull(2)));
/** The last command was not written after all: its callback is not called. */
void replies_withdraw(struct replies *r);

/** cb is told of what nobody asked for: the messages of a connection that has subscribed. Without
 * it they are TG_EPROTO. */
void replies_on_push(struct replies *r, replies_cb *cb, void *ctx) __attribute__((nonnull(2)));

/**
 * Reads on: takes some bytes from the front of `in`, and calls one callback at most.
 *
 * Returns 1: call again; 0: more bytes are needed; TG_EPROTO: this is not the Redis protocol;
 * TG_ENOMEM.
 */
int replies_consume(struct replies *r, struct evbuffer *in);
/** Returns how many bytes of the bulk that is being moved are still to come; 0: none is. */
size_t replies_bulk_left(const struct replies *r);
/** Returns how many bulks have been moved, ever. */
unsigned long replies_bulks(const struct replies *r);

/** The connection broke: tells the first that waits. At least one answer is due. */
void replies_break(struct replies *r);
/** The owner of ctx leaves: the answers still to come for it are read and dropped, and their
 * callbacks are not called. */
void replies_forget(struct replies *r, const void *ctx);

#endif
