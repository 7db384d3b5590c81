/* store_still.h: which of many blobs can still be seen. For the recorder, which was told that they
 * have ended. */
#ifndef STORE_STORE_STILL_H
#define STORE_STORE_STILL_H

#include <stdint.h>

struct store;

/** err: 0; or TG_E…, and id is NULL: it was not told. Called once for each blob that can be seen:
 * it is live, claimed or being taken. id: borrowed until return, as asked. ended: the id of the
 * event that told of the end of a blob before it under its id; "": there was none. */
typedef void store_still_cb(void *ctx, int err, const char *id, const char *ended);
/** Asks it of blobs of one shard. ids: a blank between two of them; borrowed until return. Answers
 * to what is sent later come later. Returns as types.h says. */
int store_still_ask(
	struct store *s, unsigned shard, const char *ids, store_still_cb *cb, void *ctx);

#endif
