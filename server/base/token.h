/*
 * token.h: ids of blobs and sessions. An id has 24 characters: its shard as two hexadecimal digits,
 * and its name, which is 16 bytes as base64url without padding. The bytes are random, or chosen by
 * the client.
 */
#ifndef BASE_TOKEN_H
#define BASE_TOKEN_H

#include <stddef.h>

#define TOKEN_LEN 24
#define TOKEN_NAME_LEN 22 /* an id without its shard */
#define TOKEN_TAG_LEN 32
#define TOKEN_SHARDS 64u

/** Makes a new id in a shard, which is less than TOKEN_SHARDS; otherwise it aborts. */
void token_make(unsigned shard, char out[TOKEN_LEN + 1]);
/** Returns the shard that an id of n characters names, or -1 when it is not a well-formed id. Two
 * texts never stand for the same bytes: base64 that is not canonical is refused. */
int token_shard(const char *s, size_t n);
/** Makes the id of a well-formed name in a shard, which is less than TOKEN_SHARDS; otherwise it
 * aborts. */
void token_named(unsigned shard, const char name[TOKEN_NAME_LEN + 1], char out[TOKEN_LEN + 1]);
/** Returns the shard of a name of n characters, where neither session nor subject gives one: its
 * first byte modulo TOKEN_SHARDS. -1: the name is not well-formed. */
int token_name_shard(const char *name, size_t n);
/** Makes the tag by which evidence calls the blob of an id: the first 16 bytes, in hexadecimal, of
 * SHA-256("timeglas evidence 1" LF id). Whoever has the id finds its lines; nobody else learns ids.
 */
void token_tag(const char id[TOKEN_LEN + 1], char out[TOKEN_TAG_LEN + 1]);
/** Returns a random shard. */
unsigned token_any_shard(void);

#endif
