/*
 * sha256.h: SHA-256 of short texts, many of them: what OpenSSL looks up and allocates for a hash is
 * kept from one to the next. (That lookup takes longer than the hash.)
 */
#ifndef TG_CORE_SHA256_H
#define TG_CORE_SHA256_H

#include <stddef.h>
#include <stdint.h>

#define SHA256_BYTES 32u

struct sha256; /* one thread at a time uses it */

/** Returns what the functions below need, for sha256_free(); NULL without memory. */
struct sha256 *sha256_new(void);

/** Frees it. NULL is harmless. */
void sha256_free(struct sha256 *h);

/** Hashes prefix and data, one behind the other; either may have no bytes. out may be part of
 * them. */
void sha256_of(struct sha256 *h, const void *prefix, size_t prefix_len, const void *data, size_t n,
	uint8_t out[SHA256_BYTES]);

#endif
