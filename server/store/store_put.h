/*
 * store_put.h: one upload: from its description to a live blob, or to nothing. The owner gives its
 * bytes in chunks, as fast as store_put_room() allows, and commits or aborts.
 */
#ifndef STORE_STORE_PUT_H
#define STORE_STORE_PUT_H

#include <event2/buffer.h>
#include "store/store_put_opts.h"
#include "store/types.h"

/**
 * Begins an upload. Nothing is sent before the first chunk, unless o->eager.
 *
 * @o      copied
 * @calls  copied; none comes before return
 * @err    TG_ESESSION (o->desc.session is no id), TG_ESTORE (not connected) or TG_ENOMEM when NULL
 *         is returned
 *
 * Returns the put, which lives until on_committed returns, or store_put_abort().
 */
struct store_put *store_put_new(struct store *s, const struct store_put_opts *o,
	const struct store_put_calls *calls, void *ctx, int *err);

/** Returns whether another chunk, or the commit, may be given now: at most two chunks are
 * unanswered. Otherwise on_room comes, unless the last chunk was given. */
bool store_put_room(const struct store_put *p);

/** Sets the size of all chunks but the last. Only before the first one.
 *
 * @chunk_bytes  1..STORE_CHUNK_LARGE_BYTES */
void store_put_resize(struct store_put *p, uint32_t chunk_bytes);

/**
 * Sends one chunk, moved out of the front of data. Where data holds less than a chunk, all of it is
 * moved, and it is the last chunk.
 *
 * Returns 0; also when data is empty, and nothing is sent. TG_EINVAL: there is no room, or the last
 * chunk was given. Any other TG_E…: the upload is refused; on_refused does not come; the owner
 * aborts it.
 */
int store_put_chunk(struct store_put *p, struct evbuffer *data);

/**
 * Makes it live. At least one byte was given.
 *
 * @o  o->desc is the final description, copied; the rest is not read
 *
 * on_committed tells 0 and the blob (blob->repeated: it was stored before), or TG_ESESSION,
 * TG_ESUBJECT, TG_ETTL, TG_EFULL, TG_EQUOTA, TG_ETAKEN, TG_EINFLIGHT, TG_ECOMPARE, TG_ETIMEOUT,
 * TG_ESTORE or TG_EINTERNAL; then nothing is left in Redis, or is ended as soon as Redis can be
 * reached.
 *
 * Returns 0, or TG_E… as store_put_chunk() does, and then on_committed never comes.
 */
int store_put_commit(struct store_put *p, const struct store_put_opts *o);

/** Ends the upload: erases what was written, with cause "aborted"; no callback comes any more, and
 * p is freed. Within on_committed it does nothing, for p is freed there anyway. NULL is fine. */
void store_put_abort(struct store_put *p);

#endif
