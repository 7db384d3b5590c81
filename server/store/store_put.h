/*
 * store_put.h: one upload: from its description to a live blob, or to nothing. The caller gives its
 * bytes in chunks, as fast as store_put_room() allows, and commits or aborts.
 */
#ifndef STORE_STORE_PUT_H
#define STORE_STORE_PUT_H

#include <event2/buffer.h>
#include "store/types.h"

struct store_put;

struct store_put_opts {
	char id[TOKEN_LEN + 1]; /* "": desc_id()'s */
	/* size_bytes is filled in by commit; sha256 is read at commit */
	struct store_desc desc;
	uint32_t ttl_s;  /* from the request's first byte */
	uint64_t age_us; /* since the request's first byte, at the time of the call */
	/* ask at once whether the session is open; otherwise commit finds out */
	bool eager;
};

struct store_put_calls {
	/* store_put_room() is true again */
	void (*on_room)(struct store_put *p, void *ctx);
	/* before commit: session not open, full, store lost. Nothing more can be done with the put
	 * but to abort it */
	void (*on_refused)(struct store_put *p, int err, void *ctx);
	/* eager: the session is open */
	void (*on_checked)(struct store_put *p, void *ctx);
	/* the put is freed after return */
	void (*on_committed)(
		struct store_put *p, int err, const struct store_blob *blob, void *ctx);
};

/**
 * Begins an upload. Nothing is sent before the first chunk, unless o->eager.
 *
 * @o      copied
 * @calls  copied; none comes before return
 * @err    TG_ESESSION, TG_ESTORE (not connected) or TG_ENOMEM when NULL is returned
 *
 * The put lives until on_committed returns, or store_put_abort().
 */
struct store_put *store_put_new(struct store *s, const struct store_put_opts *o,
	const struct store_put_calls *calls, void *ctx, int *err);
/** store_put_room(p): may another chunk be given? At most two are unanswered. */
bool store_put_room(const struct store_put *p);
/** store_put_resize(p, chunk_bytes): before the first chunk: of that size are all but the last. */
void store_put_resize(struct store_put *p, uint32_t chunk_bytes);
/** store_put_chunk(p, data): moves one chunk's bytes out of data; or all, when there is less, which
 * is the last chunk then. Returns 0 or TG_E...; a put that failed is to be aborted. */
int store_put_chunk(struct store_put *p, struct evbuffer *data);
/**
 * Makes it live. o->desc is final.
 *
 * on_committed tells: 0 and the blob (blob->repeated: it was stored before), or TG_ESESSION,
 * TG_ESUBJECT, TG_ETTL, TG_EFULL, TG_EQUOTA, TG_ETAKEN, TG_ECOMPARE, TG_ESTORE; then nothing is
 * left in Redis, or is ended as soon as Redis can be reached.
 */
int store_put_commit(struct store_put *p, const struct store_put_opts *o);
/** store_put_abort(p): erases what was written, with cause "aborted"; no callbacks any more; p is
 * freed. NULL is fine. */
void store_put_abort(struct store_put *p);

#endif
