/*
 * digest.h: the SHA-256 of a stream. It is OpenSSL's, which is several times as fast as libsodium's
 * where the processor has instructions for it.
 */
#ifndef TG_LIB_DIGEST_H
#define TG_LIB_DIGEST_H

#include <stddef.h>
#include <stdint.h>

#define TG_DIGEST_BYTES 32

/**
 * Hashes everything that read gives, which must not be plaintext: its buffer is not wiped.
 *
 * @read  returns a number of bytes, 0 at the end, or a negative TG_E… code
 *
 * Returns 0, TG_ENOMEM, TG_EINTERNAL or read's error.
 */
int tg_digest(
	long (*read)(void *ctx, void *p, size_t cap), void *ctx, uint8_t out[TG_DIGEST_BYTES]);

#endif
