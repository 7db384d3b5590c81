/*
 * digest.h: the SHA-256 of what a reader gives. OpenSSL's, because it is several times as fast as
 * libsodium's where the processor has instructions for it.
 */
#ifndef TG_LIB_DIGEST_H
#define TG_LIB_DIGEST_H

#include <stddef.h>
#include <stdint.h>

#define TG_DIGEST_BYTES 32

/**
 * tg_digest(read, ctx, out): of all that read gives (> 0 bytes, 0 at the end, negative TG_E…; never
 * plaintext). Returns 0, TG_ENOMEM, TG_EINTERNAL or read's error.
 */
int tg_digest(
	long (*read)(void *ctx, void *p, size_t cap), void *ctx, uint8_t out[TG_DIGEST_BYTES]);

#endif
