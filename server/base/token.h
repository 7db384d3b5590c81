/* token.h: unguessable names. An id is two hex digits of its shard and 128 random bits in URL-safe
 * base64: 24 characters. */
#ifndef BASE_TOKEN_H
#define BASE_TOKEN_H

#include <stddef.h>

#define TOKEN_LEN 24
#define TOKEN_NAME_LEN 22 /* an id without its shard: base64url of 16 bytes, canonical */
#define TOKEN_SHARDS 64u

/** token_make(shard, out): a fresh id in a shard (0..TOKEN_SHARDS-1). */
void token_make(unsigned shard, char out[TOKEN_LEN + 1]);
/** token_shard(s, n): the shard that a well-formed id names, or -1 when it is not a well-formed id.
 */
int token_shard(const char *s, size_t n);
/** token_named(shard, name, out): the id of that name in that shard. */
void token_named(unsigned shard, const char name[TOKEN_NAME_LEN + 1], char out[TOKEN_LEN + 1]);
/** token_name_shard(name, n): the shard that a well-formed name names, where nothing else does: its
 * first byte, mod TOKEN_SHARDS. -1: it is not well-formed. */
int token_name_shard(const char *name, size_t n);
#define TOKEN_TAG_LEN 32
/** token_tag(id, out): how evidence calls the blob of that id: the first 16 bytes, in hex, of
 * SHA-256("timeglas evidence 1" LF id). Who has the id finds its lines. */
void token_tag(const char id[TOKEN_LEN + 1], char out[TOKEN_TAG_LEN + 1]);
/** token_any_shard(): a shard drawn at random. */
unsigned token_any_shard(void);

#endif
