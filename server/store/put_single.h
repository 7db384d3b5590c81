/*
 * put_single.h: an upload of one chunk, whose record and chunk are one string in Redis.
 */
#ifndef STORE_PUT_SINGLE_H
#define STORE_PUT_SINGLE_H

#include <event2/buffer.h>
#include "redis/rconn.h"
#include "store/types.h"

/** put_single_fits(d, left_ms): may it go by put_single_send(), or under a chosen name by tg2_put?
 * Nothing has to be looked up for it, and its deadline is not so near that a reaper must be told.
 */
bool put_single_fits(const struct store_desc *d, int64_t left_ms);

/* What goes live, as texts. */
struct put_single_texts {
	char record[STORE_HEAD_MAX_BYTES]; /* both lines */
	char event[4 * STORE_DESC_MAX];
	char entry[4 * STORE_DESC_MAX]; /* in the deadline index */
	unsigned head_bytes;            /* of the record with its blanks */
};
/**
 * Composes what an upload of one chunk writes.
 *
 * @b            id and desc are given; state, times and head_bytes are filled in
 * @attempt      the token of the attempt that made it, "": the name was drawn
 * @fingerprint  its description, hashed; "" with an attempt of ""
 * @left_ms      until its deadline
 */
void put_single_texts(struct store *s, struct store_blob *b, const char *attempt,
	const char *fingerprint, int64_t left_ms, struct put_single_texts *t);
/**
 * Puts the record in front of the chunk.
 *
 * @live  false: it is one that nobody takes for a blob, for a commit that completes it
 *
 * Returns 0 or TG_ENOMEM.
 */
int put_single_prepend(struct evbuffer *chunk, const struct put_single_texts *t, bool live);

struct put_single_calls {
	rconn_cb *refused; /* as transaction_begin() says */
	rconn_cb *done;    /* EXEC's answer: transaction_err(), transaction_discarded() */
};
/**
 * Makes it live by one transaction: string, index entry and event.
 *
 * @b      id and desc are given; its times are filled in
 * @chunk  moved
 *
 * Returns 0; or an error: then nothing of it is carried out, and the caller must rconn_forget(ctx).
 */
int put_single_send(struct store *s, unsigned shard, struct store_blob *b, struct evbuffer *chunk,
	int64_t left_ms, const struct put_single_calls *calls, void *ctx);

#endif
