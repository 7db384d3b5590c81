/*
 * stream.h: age's STREAM: 64 KiB chunks of ChaCha20-Poly1305, each nonce a counter and a mark on
 * the last. One context for a whole file.
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

/** tg_stream_init(s, file_key, nonce, sealing): derives the payload key. Returns 0, TG_ENOMEM or
 * TG_EINTERNAL. */
int tg_stream_init(struct tg_stream *s, const uint8_t file_key[TG_FILE_KEY],
	const uint8_t nonce[TG_AGE_NONCE], int sealing);
/** tg_stream_seal(s, p, n, last, out): n <= TG_AGE_CHUNK, less only when last. out takes n +
 * TG_AGE_TAG. */
int tg_stream_seal(struct tg_stream *s, const uint8_t *p, size_t n, int last, uint8_t *out);
/**
 * tg_stream_open(s, p, n, last, out): n: of the sealed chunk. A full chunk that does not open as a
 * middle one is tried as the last (s->ended tells). out takes n - TG_AGE_TAG bytes and is wiped
 * unless they are authentic. Returns 0, TG_EPAYLOAD or TG_EINTERNAL.
 */
int tg_stream_open(struct tg_stream *s, const uint8_t *p, size_t n, int last, uint8_t *out);
/** tg_stream_rewind(s): the next chunk is the first again, under the same key. Only for opening. */
void tg_stream_rewind(struct tg_stream *s);
/** tg_stream_wipe(s): frees the context; OpenSSL cleanses the key. Harmless on a zeroed struct. */
void tg_stream_wipe(struct tg_stream *s);

#endif
