/*
 * stream.h: age's STREAM: chunks of 64 KiB, each sealed with ChaCha20-Poly1305 under a nonce that
 * is a counter and a mark for the last chunk. One context serves a whole file.
 */
#ifndef TG_LIB_STREAM_H
#define TG_LIB_STREAM_H

#include <openssl/evp.h>
#include <stddef.h>
#include <stdint.h>
#include "core/envelope.h"
#include "lib/crypto.h"

#define TG_SEALED_CHUNK (TG_AGE_CHUNK + TG_AGE_TAG)

struct tg_stream {
	EVP_CIPHER_CTX *ctx;
	uint64_t chunk; /* number of the next chunk */
	int ended;      /* the last chunk has been sealed or opened */
};

/**
 * Derives the payload's key.
 *
 * @sealing  1 for sealing, 0 for opening
 *
 * Returns 0, TG_ENOMEM or TG_EINTERNAL. In each case tg_stream_wipe() frees what s holds.
 */
int tg_stream_init(struct tg_stream *s, const uint8_t file_key[TG_FILE_KEY],
	const uint8_t nonce[TG_AGE_NONCE], int sealing);

/**
 * Seals the next chunk.
 *
 * @n     TG_AGE_CHUNK bytes; the last chunk may have fewer
 * @last  1 for the last chunk
 * @out   takes n + TG_AGE_TAG bytes
 *
 * Returns 0 or TG_EINTERNAL.
 */
int tg_stream_seal(struct tg_stream *s, const uint8_t *p, size_t n, int last, uint8_t *out);

/**
 * Opens the next chunk.
 *
 * @n     bytes of the sealed chunk, with its tag
 * @last  1 when nothing follows. Otherwise a chunk that does not open as a middle one is tried as
 *        the last one; s->ended says which it was
 * @out   takes n - TG_AGE_TAG bytes; wiped unless the chunk is authentic
 *
 * Returns 0, TG_EPAYLOAD or TG_EINTERNAL.
 */
int tg_stream_open(struct tg_stream *s, const uint8_t *p, size_t n, int last, uint8_t *out);

/** Goes back to the first chunk, under the same key. Only for opening. */
void tg_stream_rewind(struct tg_stream *s);

/** Frees the context, for which OpenSSL wipes the key. Harmless on a zeroed struct. */
void tg_stream_wipe(struct tg_stream *s);

#endif
