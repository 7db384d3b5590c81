/*
 * key.h: names in Redis: keys, members of the deadline index, and attempts.
 */
#ifndef STORE_KEY_H
#define STORE_KEY_H

#include <stddef.h>
#include "base/token.h"

#define KEY_BYTES 80
/*
 * An upload's attempt: the blob's id, and where that was chosen by the uploader a token of the
 * store's behind it, "<id>:<token>", so that attempts cannot touch each other. All that stands in
 * Redis before the commit is under it.
 */
#define ATTEMPT_TOKEN_LEN 11 /* base64url of 8 bytes */
#define ATTEMPT_LEN (TOKEN_LEN + 1 + ATTEMPT_TOKEN_LEN)

/** key_of(out, shard, kind, id): "tg:{NN}:", a kind ("b:", "dl", …) and an id, or "". Returns the
 * length. */
size_t key_of(char out[KEY_BYTES], unsigned shard, const char *kind, const char *id);
/** key_of_chunk(out, shard, id, n): of chunk n, which is no string with a record. Returns the
 * length. */
size_t key_of_chunk(char out[KEY_BYTES], unsigned shard, const char *id, unsigned n);

#endif
