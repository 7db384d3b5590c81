/*
 * repeat.h: an upload that the store knows already, by its name or its Idempotency-Key. Its content
 * is compared with what is known of the stored blob: the length, and the digest when the first
 * upload declared one, or this one does. The content is not kept. When the blob is gone, length and
 * digest are not known, and only the head counts. Pure: no I/O, no store, no http.
 */
#ifndef API_REPEAT_H
#define API_REPEAT_H

#include <stdbool.h>
#include <stdint.h>
#include <event2/buffer.h>
#include "api/guard.h"
#include "http/h1.h"
#include "store/types.h"

struct repeat {
	const struct h1_head *head;    /* borrowed: the request's head */
	const struct store_desc *desc; /* borrowed: what the request declares */
	const struct store_blob *blob; /* borrowed: what was stored */
	uint64_t size_bytes;           /* of the content so far */
	bool digested;                 /* the guard has a digest: the content goes past it */
};

/**
 * Compares what the request's head says, and readies the guard for what only the content can say.
 *
 * @r      its head, desc and blob are filled in, the rest is zero
 * @guard  the upload's, through which no content went; replaced, and the old one freed, where the
 *         blob has a digest that this request does not declare
 *
 * Returns 0: so far it is the same. TG_ETAKEN or TG_EREUSED: it is other content under the same
 * name, or key. TG_EINTERNAL, TG_ENOMEM: it cannot be compared; *guard may be NULL then.
 */
int repeat_begin(struct repeat *r, struct guard **guard);
/** Returns whether repeat_begin() has told, without the content, that it is the same. */
bool repeat_same_by_head(const struct repeat *r);
/** Compares a piece of the content, and drains data. g: the guard of repeat_begin(). Returns 0,
 * TG_ETAKEN or TG_EREUSED. */
int repeat_feed(struct repeat *r, struct guard *g, struct evbuffer *data);
/** Compares at the content's end, once. Returns 0; TG_ETAKEN or TG_EREUSED; or TG_EDIGEST: the
 * content is not what this request declares, and guard_why() says so. */
int repeat_end(const struct repeat *r, struct guard *g);
/** Returns whether the store has to be asked about the length at the content's end: the blob is
 * gone, and chunked content had no length when the blob's name was looked up. */
bool repeat_asks_length(const struct repeat *r);

#endif
