/*
 * store_refused.h: reads that the store refused: why, and telling the evidence of them.
 */
#ifndef STORE_STORE_REFUSED_H
#define STORE_STORE_REFUSED_H

#include <stdint.h>
#include "store/types.h"

struct lines;

/**
 * Says why a read was refused.
 *
 * @err       of the answer
 * @b         of the answer, with own_lease_ms; looked at with TG_EGONE and TG_ECLAIMED
 * @l         the answer behind its first line; read with TG_ENOENT
 * @claimant  it was a claimant's read
 *
 * Returns REFUSED_NONE for anything that is no refusal of this reader.
 */
enum refused store_refused_why(int err, const struct store_blob *b, struct lines *l, bool claimant);

struct store_refused {
	const char *id; /* of the blob; "": of no blob that is named */
	const char *peer;
	enum refused why;
	int64_t first_ms, last_ms; /* when the first and the last of the attempts came, Unix */
	uint64_t count;
};

/** err: 0: the event stands in the outbox; TG_ENOENT: nothing stands under the id. */
typedef void store_refused_cb(void *ctx, int err);
/** Puts attempts into the outbox, for the evidence. o: borrowed until return, with its texts.
 * Returns as types.h says. */
int store_refused_tell(
	struct store *s, const struct store_refused *o, store_refused_cb *cb, void *ctx);

#endif
