/*
 * audit_tags.h: finds by a blob's tag what the caller keeps of that blob in an array. Tags are
 * hashed with a secret key, so that whoever writes tags cannot make them collide.
 */
#ifndef CLI_AUDIT_TAGS_H
#define CLI_AUDIT_TAGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "core/chain.h"

#define AUDIT_TAGS_BYTES 16u
#define AUDIT_TAGS_NONE SIZE_MAX

struct audit_tags { /* zeroed before first use; audit_tags_free() after the last */
	struct audit_tags_slot *slot; /* a hash table of cap slots, n of them in use */
	size_t cap, n;
	uint8_t seed[16]; /* of the hash */
};

/** Turns a tag's text into its bytes. A text that is no tag, which a damaged line may have, gets
 * bytes, too, and always the same. */
void audit_tags_read(struct chain_text text, uint8_t out[AUDIT_TAGS_BYTES]);

/**
 * Sets the place that belongs to a tag.
 *
 * @place  an index of the caller's array; replaces an earlier one
 *
 * Returns false without memory; t is unchanged then.
 */
bool audit_tags_put(struct audit_tags *t, const uint8_t tag[AUDIT_TAGS_BYTES], size_t place);

/** Returns the tag's place, or AUDIT_TAGS_NONE. */
size_t audit_tags_find(const struct audit_tags *t, const uint8_t tag[AUDIT_TAGS_BYTES]);

/** Forgets a tag. It need not be there. */
void audit_tags_remove(struct audit_tags *t, const uint8_t tag[AUDIT_TAGS_BYTES]);

/** Forgets all tags, and keeps the memory. */
void audit_tags_clear(struct audit_tags *t);

/** Frees what t holds, but not t. */
void audit_tags_free(struct audit_tags *t);

#endif
