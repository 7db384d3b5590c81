/*
 * store_put_opts.h: what an uploader says of an upload, and what it is told.
 */
#ifndef STORE_STORE_PUT_OPTS_H
#define STORE_STORE_PUT_OPTS_H

#include <stdbool.h>
#include <stdint.h>
#include "store/types.h"

struct store_put;

struct store_put_opts {
	/* the id, if it was drawn before (token_make()); "": the store makes it, of the name, or
	 * draws it */
	char id[TOKEN_LEN + 1];
	/* size_bytes is filled in by store_put_commit(), tag by the store; sha256 is read at the
	 * commit */
	struct store_desc desc;
	uint32_t ttl_s;  /* from the request's first byte */
	uint64_t age_us; /* since the request's first byte, at the time of the call */
	/* ask at once whether the session is open; otherwise the first chunk, or the commit, finds
	 * out */
	bool eager;
};

/* None is called before the call returns that leads to it, and none after store_put_abort(). */
struct store_put_calls {
	/* store_put_room() is true again, and another chunk may be given */
	void (*on_room)(struct store_put *p, void *ctx);
	/* The upload is refused before its commit was sent: TG_ESESSION, TG_ESUBJECT, TG_EFULL,
	 * TG_ETTL, TG_ETIMEOUT, TG_ESTORE. Called once. The owner calls store_put_abort(), here or
	 * later. */
	void (*on_refused)(struct store_put *p, int err, void *ctx);
	/* of an eager upload: the session is open, or it has none */
	void (*on_checked)(struct store_put *p, void *ctx);
	/* What became of the commit: store_put_commit() lists it. blob: borrowed until return, NULL
	 * with an error. p is freed after return. */
	void (*on_committed)(
		struct store_put *p, int err, const struct store_blob *blob, void *ctx);
};

#endif
