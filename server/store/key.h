/*
 * key.h: names in Redis: keys, and the attempts that stand in them.
 */
#ifndef STORE_KEY_H
#define STORE_KEY_H

#include <stddef.h>
#include "base/token.h"

#define KEY_BYTES 80 /* room for any key, and the NUL */
/*
 * An upload's attempt: the blob's id; where its uploader chose the name, "<id>:<token>", with a
 * token that the store draws, so that attempts at one name cannot touch each other. All that stands
 * in Redis before the commit is under it.
 */
#define ATTEMPT_TOKEN_LEN 11 /* base64url of 8 bytes */
#define ATTEMPT_LEN (TOKEN_LEN + 1 + ATTEMPT_TOKEN_LEN)

/**
 * Writes the key "tg:{NN}:<kind><id>".
 *
 * @shard  0..TOKEN_SHARDS - 1
 * @kind   of a KEY() in schema.def: "b:", "dl", …
 * @id     an id or an attempt; "" where the kind has none
 *
 * Returns its length. Aborts when it does not fit.
 */
size_t key_of(char out[KEY_BYTES], unsigned shard, const char *kind, const char *id);
/** The same for chunk n of a blob or an attempt, where chunks are keys of their own. */
size_t key_of_chunk(char out[KEY_BYTES], unsigned shard, const char *id, unsigned n);

#endif
